"""What ``renkei demo`` prints at the end: where to look, and three lines to paste into a shell.

Each line is whole in itself: it asks for a token first. The secrets stay in credentials.json; a little Python hands them
to curl as its configuration, so that they stand neither on the terminal nor in the process list.
"""

import json
import shlex
from pathlib import Path
from typing import Any

from renkei.demo.region import BY_LABEL

_READ = (
    'import json,sys;c={c["label"]:c for c in json.load(open(sys.argv[1]))}[sys.argv[2]];'
    'print("user = \\"%s:%s\\"" % (c["client_id"], c["client_secret"]))'
)
_SED = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""


def try_lines(
    base_url: str,
    credentials: list[dict[str, Any]],
    patient_id: str,
    credentials_file: Path = Path(".demo/credentials.json"),
) -> str:
    """The text. credentials: the entries of ``credentials_file``; patient_id: the patient the lines are about."""
    patient = f"{base_url}/v1/patients/{patient_id}"
    file = credentials_file.resolve()
    nurses, clinic, stranger = (
        f'-H "Authorization: Bearer {_token(label, base_url, file)}"'
        for label in ("nurse-station", "clinic", "stranger-clinic")
    )
    return f"""
renkei のデモ地域が動いています。 / The demo region is running.
  画面で読む API の説明 / API docs       {base_url}/docs
  職員のサインイン / where people sign in {base_url}/login
  接続情報 (秘密を含む) / credentials    {file}
                                         {", ".join(entry["label"] for entry in credentials)}

次の三行はそのまま貼り付けて、何度でも試せます。 / Paste each of these three lines as it is, as often as you like.

(1) 訪問看護のシステムがケアレポートを送る / The nurses' system (vendor A) posts a care report: 201

curl -sS -i {nurses} -H 'Content-Type: application/json' -d "{_report()}" {patient}/care-reports

(2) 別会社の在宅クリニックのシステムが共有サマリーを読む / The clinic's system (vendor B) reads the summary: 200
    アレルギーとインスリンの量は薬局と食い違い、両方が並びます。 / Where the pharmacy disagrees, both stand side by side.

curl -sS -w '%{{stderr}}HTTP %{{http_code}}\\n' {clinic} '{patient}/summary?groups=medical' | {_SHOW}

(3) かかわりのない診療所は、その人がいることも知らされない / A clinic outside the team learns nothing: 404

curl -sS -i {stranger} {patient}/summary

止めるには Ctrl-C。もう一度始めてもデータは残ります。 / Stop with Ctrl-C; starting again keeps the data.
"""


_SHOW = "python3 -m json.tool --no-ensure-ascii"


def _token(label: str, base_url: str, file: Path) -> str:
    """A command substitution that gives an access token for the first member of staff."""
    organization = BY_LABEL[label]
    staff = organization.staff[0]
    secret = f"python3 -c {shlex.quote(_READ)} {shlex.quote(str(file))} {label}"
    fields = (
        "grant_type=client_credentials",
        f"organization={organization.code}",
        f"user_id={staff.user_id}",
        f"profession={staff.profession}",
    )
    form = " ".join(f"-d {field}" for field in fields)
    name = f"--data-urlencode {shlex.quote(f'user_name={staff.name}')}"
    return f"$({secret} | curl -sS -K - {form} {name} {base_url}/oauth/token | {_SED})"


def _report() -> str:
    """A command substitution that gives a small care report of this very second."""
    organization = BY_LABEL["nurse-station"]
    staff = organization.staff[0]
    report = {
        "observed_at": "%s",
        "author": {
            "name": {"family": staff.family, "given": staff.given},
            "profession": staff.profession.value,
            "organization": organization.name,
        },
        "body": "血糖は落ち着いている。仙骨部の傷は縮小。次回は木曜に訪問。",
        "urgency": "routine",
        "body_temperature": 36.5,
    }
    body = {"source": {"document_id": "try-%s", "version": 1}, "items": {"care_report": report}}
    template = shlex.quote(json.dumps(body, ensure_ascii=False))
    return f'$(printf {template} "$(date +%s)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)")'
