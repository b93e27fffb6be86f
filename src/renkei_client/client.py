"""Renkei: what a vendor's system can do, one method each."""

import json
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal

import httpx

from renkei_client.credentials import Key, Secret, User
from renkei_client.errors import Problem
from renkei_client.feed import Change, ChangesPage, Cursor
from renkei_client.session import Acting, Session

Json = dict[str, Any]
Kind = Literal["face-sheets", "care-reports"]

KEPT_SUMMARIES = 64
LONGEST_WAIT = 25


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered person. tie: what binds the organization to them; created: nobody had registered them before."""

    id: str
    tie: str
    created: bool
    body: Json


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that stands. created: False where it was sent before. warnings: what the user should look at."""

    id: str
    created: bool
    warnings: list[Json]
    body: Json


class Renkei:
    """A client that acts for one organization: as the system itself, or by ``acting`` for the person at the keyboard.

    Documents find themselves again when sent twice; what has no key of its own gets an ``Idempotency-Key`` here, so a lost
    answer is asked for again without doing anything twice. Give ``act`` to keep that name over a restart of your program.
    """

    def __init__(
        self,
        server: str,
        proof: Secret | Key,
        organization: str | None = None,
        *,
        user: User | None = None,
        scope: Collection[str] = (),
        **session: Any,
    ) -> None:
        self._session = Session(server, proof, **session)
        self._for = Acting(organization, user, " ".join(sorted(scope)) or None)
        self._summaries: OrderedDict[tuple[str, str], tuple[str, Json]] = OrderedDict()

    def acting(self, user: User | None = None, organization: str | None = None) -> "Renkei":
        """The same client for a user, or for the system itself, or for another organization; tokens are kept together."""
        other = object.__new__(Renkei)
        other._session = self._session
        other._for = replace(self._for, user=user, organization=organization or self._for.organization)
        other._summaries = OrderedDict()  # what one user was shown is not another's
        return other

    def __enter__(self) -> "Renkei":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back, and forget what was kept."""
        self._summaries.clear()
        self._session.close()

    # --- anything of docs/http.md

    def request(self, method: str, path: str, *, repeatable: bool | None = None, **said: Any) -> httpx.Response:
        """Any request, with token and retries. repeatable: whether twice is as good as once; by default all but POST and PATCH."""
        safe = method.upper() not in {"POST", "PATCH"} if repeatable is None else repeatable
        return self._session.ask(self._for, method, path, repeatable=safe, **said)

    def get(self, path: str, **params: Any) -> Json:
        """The JSON at a path, such as a change's ``href``."""
        answer: Json = self.request("GET", path, params=_given(params)).json()
        return answer

    def items(self, path: str, **params: Any) -> Iterator[Json]:
        """Every item of a list, page by page, newest first."""
        after: str | None = None
        while True:
            page = self.get(path, **params, **({"after": after} if after else {}))
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def me(self) -> Json:
        """Who I am here, and with which rights."""
        return self.get("/v1/me")

    # --- patients 利用者

    def register(self, person: Json, *, act: str | None = None) -> Registered:
        """Register a person, or find who is registered by number."""
        answer = self._once("/v1/patients", person, act)
        body = answer.json()
        return Registered(body["id"], body["tie"], answer.status_code == 201, body)

    def find(self, **params: str) -> Iterator[Json]:
        """My patients: by ``kana``, ``name``, ``birth_date``, ``identifier`` (``local|A-001``); all without any."""
        return self.items("/v1/patients", **params)

    def patient(self, patient_id: str) -> Json:
        """A registered person."""
        return self.get(f"/v1/patients/{patient_id}")

    # --- documents 記録

    def submit_face_sheet(self, patient_id: str, sheet: Json) -> Kept:
        """Keep a face sheet."""
        return self._submit("face-sheets", patient_id, sheet)

    def submit_care_report(self, patient_id: str, report: Json) -> Kept:
        """Keep a care report."""
        return self._submit("care-reports", patient_id, report)

    def withdraw(self, kind: Kind, patient_id: str, record_id: str, reason: str) -> Json:
        """Withdraw a document of one's own."""
        path = f"/v1/patients/{patient_id}/{kind}/{record_id}/withdrawal"
        answer: Json = self.request("POST", path, json={"reason": reason}, repeatable=True).json()
        return answer

    def records(self, kind: Kind, patient_id: str, **params: str) -> Iterator[Json]:
        """Face sheets or care reports, latest first."""
        return self.items(f"/v1/patients/{patient_id}/{kind}", **params)

    def _submit(self, kind: Kind, patient_id: str, document: Json) -> Kept:
        # Its own key is in the document: sent again, it is kept once.
        answer = self.request("POST", f"/v1/patients/{patient_id}/{kind}", json=document, repeatable=True)
        body = answer.json()
        return Kept(body["id"], answer.status_code == 201, body["warnings"], body)

    # --- summary 共有サマリー

    def summary(self, patient_id: str, groups: Collection[str] = ()) -> Json:
        """The shared summary. The last few are kept in memory, and asked whether they still hold; do not keep them longer."""
        key = (patient_id, ",".join(groups))
        kept = self._summaries.pop(key, None)  # stays away where rights have ended
        headers = {"If-None-Match": kept[0]} if kept else {}
        params = _given({"groups": key[1]})
        path = f"/v1/patients/{patient_id}/summary"
        answer = self.request("GET", path, params=params, headers=headers, expected=(304,))
        body: Json = kept[1] if kept and answer.status_code == 304 else answer.json()
        self._summaries[key] = (answer.headers["etag"], body)
        if len(self._summaries) > KEPT_SUMMARIES:
            self._summaries.popitem(last=False)
        return body

    # --- consents 同意, care team ケアチーム

    def record_consent(self, patient_id: str, consent: Json, *, act: str | None = None) -> Json:
        """Record a consent; it decides from this moment."""
        answer: Json = self._once(f"/v1/patients/{patient_id}/consents", consent, act).json()
        return answer

    def preview_consent(self, patient_id: str, consent: Json) -> Json:
        """Who would see what; nothing is kept."""
        path = f"/v1/patients/{patient_id}/consents/preview"
        answer: Json = self.request("POST", path, json=consent, repeatable=True).json()
        return answer

    def withdraw_consent(self, patient_id: str, consent_id: str, reason: str, only: Json | None = None) -> Json:
        """Withdraw a consent, whole or ``only`` a part; effective at once."""
        path = f"/v1/patients/{patient_id}/consents/{consent_id}/withdrawal"
        answer: Json = self.request("POST", path, json=_given({"reason": reason, "only": only}), repeatable=True).json()
        return answer

    def consents(self, patient_id: str) -> Iterator[Json]:
        """All consents, withdrawn ones too."""
        return self.items(f"/v1/patients/{patient_id}/consents")

    def add_to_team(self, patient_id: str, organization_id: str, place: Json) -> Json:
        """Give an organization a place in the care team."""
        answer: Json = self.request("PUT", f"/v1/patients/{patient_id}/care-team/{organization_id}", json=place).json()
        return answer

    def organizations(self, **params: str) -> Iterator[Json]:
        """Organizations by ``name`` and ``kind``."""
        return self.items("/v1/organizations", **params)

    # --- access

    def open_emergency_access(self, patient_id: str, reason: Json, *, act: str | None = None) -> Json:
        """Open reading without consent to protect life, for hours; told to the team at once."""
        answer: Json = self._once(f"/v1/patients/{patient_id}/emergency-access", reason, act).json()
        return answer

    def request_access(self, refusal: Problem, wants: str, reason: str, **what: Any) -> Json | None:
        """Ask for what was refused; None where the refusal names no way to ask."""
        path = refusal.members.get("request_access")
        if not isinstance(path, str):
            return None
        answer: Json = self._once(path, {"wants": wants, "reason": reason, **what}, None).json()
        return answer

    # --- files

    def add_attachment(self, patient_id: str, content: bytes, media_type: str, **params: str) -> Json:
        """Keep a photo or a scanned letter: ``title``, and ``item``, or ``group`` and ``tier``."""
        path, headers = f"/v1/patients/{patient_id}/attachments", {"Content-Type": media_type}
        said = {"params": params, "content": content, "headers": headers}
        answer: Json = self.request("POST", path, repeatable=True, **said).json()
        return answer

    def attachment(self, patient_id: str, attachment_id: str) -> bytes:
        """The file."""
        return self.request("GET", f"/v1/patients/{patient_id}/attachments/{attachment_id}/content").content

    # --- many at once 一括取込

    def import_lines(self, lines: Iterable[Json], *, check: bool = False) -> Json:
        """Hand over many documents and persons (NDJSON); the worker takes them in. ``check``: look at them only, at first."""
        content = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        return self.import_file(content, "application/x-ndjson", **({"check": "true"} if check else {}))

    def import_file(self, content: bytes, media_type: str, **params: str) -> Json:
        """The same as a file: NDJSON, CSV or Excel. Handed over twice nothing stands twice: rows are known again."""
        said = {"params": params, "content": content, "headers": {"Content-Type": media_type}}
        answer: Json = self.request("POST", "/v1/imports", repeatable=True, **said).json()
        return answer

    def import_state(self, import_id: str) -> Json:
        """How far it is."""
        return self.get(f"/v1/imports/{import_id}")

    def import_errors(self, import_id: str) -> Iterator[Json]:
        """Rows that were not taken in, each with all its faults, in the file's order."""
        return self.items(f"/v1/imports/{import_id}/errors")

    # --- the feed 更新情報

    def changes(
        self, after: str | None = None, *, kinds: Collection[str] = (), patient_id: str | None = None, wait: int = 0
    ) -> ChangesPage:
        """One page of the feed. wait: seconds to wait for a line where there is none yet, at most 25."""
        said = {"after": after, "kind": ",".join(kinds), "patient": patient_id, "wait": wait or None}
        answer = self.request("GET", "/v1/changes", params=_given(said), waits=float(wait)).json()
        return ChangesPage(tuple(Change.of(one) for one in answer["changes"]), answer["cursor"])

    def follow(
        self, cursor: Cursor, *, kinds: Collection[str] = (), wait: int = LONGEST_WAIT, until_end: bool = False
    ) -> Iterator[Change]:
        """Every line from where ``cursor`` stands, and then as they come; with ``until_end`` only those there are.

        The cursor moves on when the next page is asked for: whoever falls over meets the lines of the last page again, and
        none is lost. Dealing with a line twice must do no harm.
        """
        after = cursor.load()
        while True:
            page = self.changes(after, kinds=kinds, wait=0 if until_end else wait)
            yield from page.changes
            if page.cursor != after:
                after = page.cursor
                cursor.save(after)
            if until_end and not page.changes:
                return

    def _once(self, path: str, body: Json, act: str | None) -> httpx.Response:
        """POST of what has no key of its own, under a name made before the first try."""
        headers = {"Idempotency-Key": act or str(uuid.uuid4())}
        return self.request("POST", path, json=body, headers=headers, repeatable=True)


def _given(said: Mapping[str, Any]) -> Json:
    return {name: value for name, value in said.items() if value not in (None, "")}
