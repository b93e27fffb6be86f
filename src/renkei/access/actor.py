"""Who asks. Made by ``identity`` from a credential, never from anything else a request says."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from renkei.schemas.summary import Origin
from renkei.vocabulary import ActorKind, OrganizationKind, Profession, Scope


@dataclass(frozen=True, slots=True)
class Organization:
    """事業所・医療機関, as an answer names it."""

    id: UUID
    code: str
    name: str
    kind: OrganizationKind

    @property
    def reference(self) -> Origin:
        """``{"id", "name"}``, the form records and summaries name an origin in."""
        return {"id": str(self.id), "name": self.name}

    def as_json(self) -> dict[str, str]:
        """The form lists of organizations, tables of access and ``me`` show it in."""
        return {"id": str(self.id), "name": self.name, "code": self.code, "kind": self.kind.value}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """How a member proved who they are, and when. member_id: the post chosen; methods: ``amr`` values of RFC 8176.

    recently: a second factor, minutes ago, by the database's clock (``access.step_up``).
    """

    session_id: UUID
    account_id: UUID
    member_id: UUID | None
    methods: tuple[str, ...]
    authenticated_at: datetime
    recently: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller: a vendor's system for one organization, on behalf of a named user or as itself; a member; or an administrator.

    client_id: none for whoever has signed in here. professions: whose rights apply. One for a named user and for a member;
    for the system itself all that its delegation allows. scopes: which acts the delegation and the token are for; None: no limit.
    """

    kind: ActorKind
    client_id: UUID | None
    organization: Organization | None
    professions: tuple[Profession, ...]
    user_id: str | None = None
    user_name: str | None = None
    scopes: frozenset[Scope] | None = None
    signed_in: SignedIn | None = None

    @property
    def in_care(self) -> bool:
        """Acts for an organization that cares: its system, or a member of its staff. All others hold an office."""
        return self.kind in (ActorKind.client, ActorKind.member)

    @property
    def is_system(self) -> bool:
        """A vendor's system acting as itself, without a named user."""
        return self.kind is ActorKind.client and self.user_id is None

    @property
    def profession(self) -> Profession | None:
        """The profession shown as origin and in the audit: the user's, ``system``, or none for administrators."""
        if not self.in_care or not (self.is_system or self.professions):
            return None
        return Profession.system if self.is_system else self.professions[0]
