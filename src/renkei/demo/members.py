"""Members of staff of the demo region, who sign in: invited and enrolled through the public doors, as people do, on a phone of ours.

Password and seed are made here, for this installation, and stand in credentials.json alone.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import pyotp

from renkei.demo.region import BY_LABEL
from renkei.demo.seed import ClientCredentials, SeedError
from renkei.ids import now


class Hired(NamedTuple):
    """Who is hired where. staff: which of the office's, of those its own system names; admin: under the administrator's post."""

    label: str
    office: str
    staff: int = 0
    admin: bool = False


HIRED = (
    Hired("physician", "clinic"),
    Hired("nurse", "nurse-station"),
    Hired("care-manager", "care-office"),
    Hired("office-admin", "nurse-station", staff=1, admin=True),
)


async def hire(
    client: httpx.AsyncClient, admin: ClientCredentials, credentials: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The entries of credentials.json for people. client: its base_url is the server; credentials: those of the systems."""
    form = {"grant_type": "client_credentials"}
    proof = (admin.client_id, admin.client_secret)
    token = _checked(await client.post("/oauth/token", data=form, auth=proof)).json()["access_token"]
    offices = {entry["label"]: entry["organization"] for entry in credentials}
    found = []
    for hired in HIRED:
        # One browser after another: the cookies of one are none of the next one's, nor of the systems'.
        client.cookies.clear()
        found.append(await _hired(client, token, hired, offices[hired.office]))
    client.cookies.clear()
    return found


async def _hired(client: httpx.AsyncClient, token: str, hired: Hired, office: Mapping[str, str]) -> dict[str, Any]:
    person = BY_LABEL[hired.office].staff[hired.staff]
    email = f"{person.user_id}@{office['code']}.example.jp"
    post = {"office": "organization_admin"} if hired.admin else {"profession": person.profession.value}
    body = {"organization_id": office["id"], "email": email, "name": person.name, **post}
    made = _checked(await client.post("/v1/members", json=body, headers={"Authorization": f"Bearer {token}"}))
    password = secrets.token_urlsafe(18)
    link = "/invitations/" + made.json()["invitation"]["url"].rpartition("/")[2]
    opened = _checked(await client.get(link))
    chosen = {"form_token": _in("form_token", opened), "name": person.name, "password": password, "again": password}
    shown = _checked(await client.post(link, data=chosen, follow_redirects=True))
    seed = re.findall(r'class="seed">(\w+)<', shown.text)
    if not seed:
        raise SeedError(f"{link} led to no authenticator app: {shown.text}")
    proved = {"form_token": _in("form_token", shown), "factor": _in("factor", shown)}
    # Of the step before, which still counts: whoever signs in at once needs that of now, and each counts once.
    before = pyotp.TOTP(seed[0]).at(int(now().timestamp()) - 30)
    enrolled = _checked(await client.post("/login/enrolment", data={**proved, "code": before}))
    # Nobody sits there: it is not to be among what is open when they look at their account.
    out = {"form_token": _in("form_token", enrolled)}
    _checked(await client.post("/logout", data=out, follow_redirects=True))
    return {
        "label": hired.label,
        "kind": "member",
        "organization": dict(office),
        "profession": None if hired.admin else person.profession.value,
        "email": email,
        "password": password,
        "totp_secret": seed[0],
    }


def _in(field: str, page: httpx.Response) -> str:
    found = re.search(rf'name="{field}" value="([^"]+)"', page.text)
    if not found:
        raise SeedError(f"{page.request.url.path} has no field {field}: {page.text}")
    return found.group(1)


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        request = answer.request
        raise SeedError(f"{request.method} {request.url.path} was answered {answer.status_code}: {answer.text}")
    return answer
