"""Who asks. Made by ``identity`` from a credential, never from anything else a request says."""

from dataclasses import dataclass
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
class Actor:
    """One caller: a vendor's system for one organization, on behalf of a named user or as itself; or an administrator.

    professions: whose rights apply. One for a named user; for the system itself all that its delegation allows.
    scopes: which acts the delegation and the token are for; None: no limit.
    """

    kind: ActorKind
    client_id: UUID
    organization: Organization | None
    professions: tuple[Profession, ...]
    user_id: str | None = None
    user_name: str | None = None
    scopes: frozenset[Scope] | None = None

    @property
    def is_system(self) -> bool:
        """A vendor's system acting as itself, without a named user."""
        return self.kind is ActorKind.client and self.user_id is None

    @property
    def profession(self) -> Profession | None:
        """The profession shown as origin and in the audit: the user's, ``system``, or none for administrators."""
        if self.kind is not ActorKind.client:
            return None
        return Profession.system if self.is_system else self.professions[0]
