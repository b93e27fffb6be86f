"""As much of the server as the demo talks to: shapes, order and write rights are checked, nothing is shown."""

import asyncio
import base64
import json
import re
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import parse_qs
from uuid import UUID, uuid5

import httpx
from pydantic import BaseModel, ValidationError

from renkei.access.policy import PermissionTable, default_rows
from renkei.catalogue import load_catalogue
from renkei.errors import InvalidItems
from renkei.schemas.access_requests import AccessRequestIn
from renkei.schemas.administration import ClientIn, OrganizationIn
from renkei.schemas.attachments import AttachmentIn
from renkei.schemas.candidates import Distinction
from renkei.schemas.care_teams import EmergencyIn, PlaceIn
from renkei.schemas.consents import ConsentIn
from renkei.schemas.documents import read_document
from renkei.schemas.drafts import Prepared, prepared
from renkei.schemas.evidence import require_whole
from renkei.schemas.patients import Registration
from renkei.schemas.withdrawals import ConsentWithdrawal
from renkei.vocabulary import Profession, RecordKind

ADMIN = ("platform-admin", "admin-secret")
SHAPES: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("POST", r"/v1/organizations", OrganizationIn),
    ("POST", r"/v1/clients", ClientIn),
    ("POST", r"/v1/patients", Registration),
    ("PUT", r"/v1/patients/(?P<patient>[^/]+)/care-team/(?P<place>[^/]+)", PlaceIn),
    ("POST", r"/v1/patients/(?P<patient>[^/]+)/consents", ConsentIn),
    ("POST", r"/v1/patients/(?P<patient>[^/]+)/emergency-access", EmergencyIn),
    ("POST", r"/v1/patients/(?P<patient>[^/]+)/access-requests", AccessRequestIn),
    ("POST", r"/v1/patients/(?P<patient>[^/]+)/links", Distinction),
    (
        "POST",
        r"/v1/patients/(?P<patient>[^/]+)/(?:consents|face-sheets|care-reports)/(?P<made>[^/]+)/withdrawal",
        ConsentWithdrawal,
    ),
)
DOCUMENT = re.compile(r"/v1/patients/(?P<patient>[^/]+)/(?P<kind>face-sheet|care-report)s")
ALWAYS = {f"person.{name}" for name in ("name", "name_kana", "sex", "birth_date", "address")}


class FakeServer:
    """``transport`` answers requests; what came in is kept in ``calls``, counted by (method, path without ids)."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.documents: list[tuple[str, str, dict]] = []
        self.consents: list[dict] = []
        self.withdrawn: list[str] = []
        self.attached: list[dict] = []
        self.drafts: list[Prepared] = []
        self.clients: dict[str, dict] = {}
        self.organizations: dict[str, dict] = {}
        self.registered: dict[tuple[str, str], str] = {}
        self.linked: list[set[str]] = []
        self.teams: dict[str, set[str]] = {}
        self.made: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.table = PermissionTable(1, default_rows())
        self.transport = httpx.MockTransport(self._answer)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport, base_url="http://renkei.test")

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        try:
            return self._routed(request)
        except (ValidationError, InvalidItems) as fault:
            return httpx.Response(422, json={"type": "urn:renkei:problem:invalid", "detail": str(fault)})
        except (KeyError, AssertionError) as fault:
            return httpx.Response(403, json={"type": "urn:renkei:problem:forbidden", "detail": repr(fault)})
        finally:
            self.at_once -= 1

    def _routed(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/oauth/token":
            return self._token(request)
        caller = json.loads(base64.urlsafe_b64decode(request.headers["Authorization"].removeprefix("Bearer ")))
        self.calls[request.method, re.sub(r"[0-9a-f-]{36}", "{}", path)] += 1
        if path.endswith("/attachments"):
            return self._attached(dict(request.url.params), request.headers["Content-Type"], request.content)
        body = json.loads(request.content)
        if found := DOCUMENT.fullmatch(path):
            return self._document(caller, found["patient"], RecordKind(found["kind"].replace("-", "_")), body)
        if path.endswith("/care-reports/drafts"):
            self.drafts.append(prepared(RecordKind.care_report, body, load_catalogue()))
            return httpx.Response(201, json={"id": self._id()})
        for method, pattern, shape in SHAPES:
            if method == request.method and (found := re.fullmatch(pattern, path)):
                shape.model_validate(body)
                return self._kept(caller, path, found.groupdict(), body)
        return httpx.Response(404, json={"type": "urn:renkei:problem:not-found"})

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form.pop("grant_type") == "client_credentials"
        client_id, secret = (
            base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        )
        if (client_id, secret) == ADMIN:
            assert not form
        else:
            organization = self.organizations[form["organization"]]
            (delegation,) = self.clients[client_id]["delegations"]
            assert delegation["organization_id"] == organization["id"]
            assert form["profession"] in delegation["professions"]
        token = base64.urlsafe_b64encode(json.dumps({"client_id": client_id, **form}).encode()).decode()
        return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 900})

    def _id(self) -> str:
        return str(uuid5(UUID(int=7), str(self.calls.total())))

    def _kept(self, caller: dict, path: str, names: dict, body: dict) -> httpx.Response:
        made = self._id()
        self.made.add(made)
        if path in ("/v1/organizations", "/v1/clients"):
            assert caller["client_id"] == ADMIN[0]
            if path == "/v1/clients":
                self.clients[made] = body
                return httpx.Response(201, json={"client_id": made, "client_secret": f"secret-{made}"})
            self.organizations[body["code"]] = {"id": made, **body}
            return httpx.Response(201, json={"id": made, **body})
        office = self.organizations[caller["organization"]]["id"]
        if path == "/v1/patients":
            made = self.registered.setdefault((body["identifiers"][0]["value"], body["birth_date"]), made)
            self.teams.setdefault(made, {office})
        elif "made" in names:
            assert names["made"] in self.made
            self.withdrawn.append(path)
        elif "place" in names:
            assert office in self.teams[names["patient"]]
            self.teams[names["patient"]].add(names["place"])
        elif path.endswith("/consents"):
            assert office in self.teams[names["patient"]]
            self.consents.append(body)
        elif path.endswith("/links"):
            pair = {names["patient"], body["patient_id"]}
            assert all(office in self.teams[patient] for patient in pair)
            self.linked.append(pair)
        elif path.endswith("/access-requests"):
            assert office in self.teams[names["patient"]]
        else:
            assert office not in self.teams[names["patient"]], "emergency access of one who has a tie"
        return httpx.Response(201, json={"id": made, **body})

    def _attached(self, said: dict, media: str, content: bytes) -> httpx.Response:
        AttachmentIn.model_validate(said)
        assert said["record_id"] in self.made
        require_whole(media, content)
        self.attached.append(said)
        return httpx.Response(201, json={"id": self._id()})

    def _document(self, caller: dict, patient: str, kind: RecordKind, body: dict) -> httpx.Response:
        document = read_document(kind, body, load_catalogue(), datetime.now(UTC))
        assert self.organizations[caller["organization"]]["id"] in self.teams[patient]
        rights = self.table.of(Profession(caller["profession"]))
        items = (load_catalogue().items[code] for code in document.items if code not in ALWAYS)
        refused = [item.code for item in items if (item.group, item.tier) not in rights.write]
        assert not refused, refused
        made = self._id()
        self.made.add(made)
        self.documents.append((patient, caller["organization"], body))
        return httpx.Response(201, json={"id": made, "patient_id": patient})
