"""Every route that names a patient, with a request that would succeed; a test holds the list against the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from tests.access.world import VALUES, Made, World, care_report, emergency, face_sheet, tokyo
from tests.factories import Vendor, consent
from tests.schemas.scans import pdf


def _reason(_: World) -> dict[str, str]:
    return {"reason": "誤って送信"}


@dataclass(frozen=True)
class Route:
    """A route below a patient. body: None for none. by: whose turn it is, so that rights are no hindrance."""

    method: str
    path: str
    action: str
    body: Callable[[World], Any] | None = None
    by: str | None = "physician"
    query: str = ""
    guarded: str = ""

    @property
    def name(self) -> str:
        """As in the OpenAPI document."""
        return f"{self.method} {self.path}"

    async def ask(self, vendor: Vendor, world: World, ids: dict[str, str], by: str | None = "") -> httpx.Response:
        """One request with these ids in the path."""
        body, who = {} if self.body is None else _sent(self.body(world)), self.by if by == "" else by
        if guarded := self.guarded or (self.path if self.method == "PATCH" else ""):
            stands = await vendor.get(guarded.format(**ids), by=who)
            body["headers"] = {"If-Match": stands.headers.get("etag", "")}
        return await vendor.call(self.method, self.path.format(**ids) + self.query, by=who, **body)


def _sent(body: Any) -> dict[str, Any]:
    """A body as httpx takes it: bytes as the file they are, all else as JSON."""
    if isinstance(body, bytes):
        return {"content": body, "headers": {"Content-Type": "application/pdf"}}
    return {"json": body}


PATIENT = "/v1/patients/{patient_id}"
CONSENT = f"{PATIENT}/consents/{{consent_id}}"
DRAFTS = f"{PATIENT}/{{collection}}/drafts"
DRAFT = f"{DRAFTS}/{{draft_id}}"
ROUTES = [
    Route("GET", PATIENT, "patient.read"),
    Route("PATCH", PATIENT, "patient.change", lambda _: {"reason": "change", "moved": {"on": tokyo()}}),
    Route("GET", f"{PATIENT}/candidates", "candidate.read"),
    Route("GET", f"{PATIENT}/links", "link.read"),
    Route(
        "POST",
        f"{PATIENT}/distinctions",
        "patient.distinguish",
        lambda world: {"patient_id": world.another, "reason": "双子の姉妹"},
    ),
    Route("POST", f"{PATIENT}/face-sheets", "face_sheet.submit", lambda _: face_sheet(VALUES)),
    Route("GET", f"{PATIENT}/face-sheets", "face_sheet.read"),
    Route("GET", f"{PATIENT}/face-sheets/{{record_id}}", "face_sheet.read"),
    Route("POST", f"{PATIENT}/care-reports", "care_report.submit", lambda _: care_report(VALUES)),
    Route("GET", f"{PATIENT}/care-reports", "care_report.read"),
    Route("GET", f"{PATIENT}/care-reports/{{record_id}}", "care_report.read"),
    Route("GET", f"{PATIENT}/face-sheets/{{record_id}}/versions", "face_sheet.read"),
    Route("GET", f"{PATIENT}/care-reports/{{record_id}}/versions", "care_report.read"),
    Route("POST", DRAFTS, "draft.enter", lambda _: care_report(VALUES)),
    Route("GET", DRAFTS, "draft.read"),
    Route("GET", DRAFT, "draft.read"),
    Route("PUT", DRAFT, "draft.change", lambda _: care_report(VALUES), guarded=DRAFT),
    Route(
        "POST",
        f"{PATIENT}/attachments",
        "attachment.add",
        lambda _: pdf(b"<< /Title (3) >>"),
        query="?title=x&group=medical&tier=basic",
    ),
    Route("GET", f"{PATIENT}/attachments", "attachment.read"),
    Route("GET", f"{PATIENT}/attachments/{{attachment_id}}", "attachment.read"),
    Route("GET", f"{PATIENT}/attachments/{{attachment_id}}/content", "attachment.read"),
    Route("GET", f"{PATIENT}/summary", "summary.read"),
    Route("POST", f"{PATIENT}/consents", "consent.record", lambda _: consent()),
    Route("GET", f"{PATIENT}/consents", "consent.read"),
    Route("POST", f"{PATIENT}/consents/preview", "consent.preview", lambda _: consent()),
    Route("POST", f"{CONSENT}/withdrawal/preview", "consent.preview", lambda _: {}),
    Route("POST", f"{CONSENT}/evidence", "consent_evidence.add", lambda _: pdf(b"<< /Title (2) >>")),
    Route("GET", f"{CONSENT}/evidence", "consent_evidence.read"),
    Route("GET", f"{CONSENT}/evidence/{{evidence_id}}", "consent_evidence.read"),
    Route("GET", f"{PATIENT}/care-team", "care_team.read"),
    Route(
        "PUT",
        f"{PATIENT}/care-team/{{organization_id}}",
        "care_team.place",
        lambda _: {"part": "other", "valid_from": tokyo()},
    ),
    Route("GET", f"{PATIENT}/access", "access.read"),
    Route("GET", f"{PATIENT}/access-log", "access_log.read"),
    Route("POST", f"{PATIENT}/emergency-access", "emergency_access.open", lambda _: emergency()),
    Route("GET", f"{PATIENT}/emergency-access", "emergency_access.read"),
    Route(
        "POST",
        f"{PATIENT}/emergency-access/{{emergency_id}}/review",
        "emergency_access.review",
        lambda _: {"finding": "justified", "comment": "救急搬送を確認"},
    ),
    Route(
        "POST",
        f"{PATIENT}/access-requests",
        "access_request.submit",
        lambda _: {"wants": "consent", "groups": ["living"], "reason": "引継ぎのため"},
    ),
    Route("GET", f"{PATIENT}/access-requests", "access_request.read"),
    Route(
        "POST",
        f"{PATIENT}/access-requests/{{request_id}}/approval",
        "access_request.approve",
        lambda _: {"place": {"part": "other", "valid_from": tokyo()}},
    ),
    Route(
        "POST",
        f"{PATIENT}/access-requests/{{request_id}}/refusal",
        "access_request.refuse",
        lambda _: {"comment": "担当外"},
    ),
    # What ends something comes last: the routes above are asked before it.
    Route(
        "POST", f"{PATIENT}/links", "patient.link", lambda world: {"patient_id": world.another, "reason": "同じ保険証"}
    ),
    Route("POST", f"{PATIENT}/links/{{linked_id}}/end", "patient.unlink", lambda _: {"reason": "別人と判明"}),
    Route("DELETE", f"{PATIENT}/emergency-access/{{emergency_id}}", "emergency_access.close"),
    Route("POST", f"{CONSENT}/withdrawal", "consent.withdraw", _reason),
    Route("POST", f"{PATIENT}/face-sheets/{{record_id}}/withdrawal", "face_sheet.withdraw", _reason),
    Route("POST", f"{PATIENT}/care-reports/{{record_id}}/withdrawal", "care_report.withdraw", _reason),
    Route("POST", f"{DRAFT}/confirmation", "draft.confirm", lambda _: {}, guarded=DRAFT),
    Route("DELETE", DRAFT, "draft.discard"),
    Route("POST", f"{PATIENT}/attachments/{{attachment_id}}/withdrawal", "attachment.withdraw", _reason),
    Route("DELETE", f"{PATIENT}/care-team/{{organization_id}}", "care_team.end"),
]
BREAKING_GLASS = "emergency_access.open"
"""The one act that needs no tie, and so tells that the patient exists; it is announced to the team."""
ITS_OWN = {BREAKING_GLASS, "emergency_access.close"}
"""Acts on what the reader has opened itself."""
ASKING = {"access_request.submit", "access_request.read"}
"""What any tie allows, whatever the profession: asking, and seeing what became of it."""


def ids_of(route: Route, made: Made, organization: str) -> dict[str, str]:
    """The ids of this patient's own things that the route's path asks for."""
    record = made.report if "care-reports" in route.path else made.sheet
    consent_id, emergency_id = (made.consents or [made.id])[0], made.emergency or made.id
    return {
        "patient_id": made.id,
        "record_id": record,
        "organization_id": organization,
        "attachment_id": made.attachment,
        "collection": "care-reports",
        "draft_id": made.drafts[route.method == "DELETE"],
        "linked_id": made.another,
        "consent_id": consent_id,
        "evidence_id": made.evidence or made.id,
        "emergency_id": emergency_id,
        "request_id": (made.requests or [made.id])[-1 if "refusal" in route.path else 0],
    }


def documented(openapi: dict[str, Any]) -> set[str]:
    """``METHOD path`` of every route of the OpenAPI document that names a patient."""
    return {
        f"{method.upper()} {path}"
        for path, methods in openapi["paths"].items()
        if "{patient_id}" in path
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
