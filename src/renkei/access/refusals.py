"""The words of a refusal: which rule it is, who could change it, and what the reader is told; and when it leaves. Pure."""

from collections.abc import Mapping

from renkei.errors import Forbidden
from renkei.vocabulary import Reason

NO_RIGHT = (
    "この職種には権限表でこの操作が許されていません",
    "The permission table does not allow this profession to do this",
)
NOT_IN_TEAM = (
    "貴機関はこの利用者のケアチームに登録されていません",
    "Your organization has no place in this patient's care team",
)
NO_ORGANIZATION = ("事業所として働く資格情報が必要です", "A token that acts for an organization is required")
NO_OFFICE = (
    "この操作は管理者・監査人だけができます",
    "Only administrators and auditors may do this",
)
NO_CONTENT = (
    "管理者・監査人は記録の内容を扱えません",
    "Administrators and auditors do not handle the content of records",
)
NOT_OWN_RECORD = (
    "他機関の記録は訂正・取下げできません",
    "Only the organization that sent a record may correct or withdraw it",
)
OWN_MATTER = (
    "自機関の緊急閲覧や申請は、チームのほかの事業所か基盤の管理者が判断します",
    "Another organization of the team, or the administrator, decides on what your own opened or asked for",
)


class Refused(Exception):
    """A token request refused, in the words of RFC 6749 §5.2; says why, as far as the sender may know."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


def printable(text: str) -> bool:
    """Whether a parameter of a token request has no control, private or lone character; names are written with U+3000 too."""
    return text.replace("\u3000", "").isprintable()


def not_own_record() -> Forbidden:
    """A record of another organization may be read, never corrected or withdrawn."""
    return Forbidden(Reason.not_own_record, "record.organization", "organization", NOT_OWN_RECORD)


def own_matter() -> Forbidden:
    """What an organization opened or asked for is reviewed or decided by another of the team, or by the administrator."""
    return Forbidden(Reason.own_matter, "another_organization", "organization", OWN_MATTER)


def unseen_draft() -> Forbidden:
    """Nobody confirms or puts away what they have not seen."""
    detail = (
        "この職種では読めない項目を含む下書きは、確認も書換えもできません",
        "A draft with items that your profession may not read is another's to confirm or to change",
    )
    return Forbidden(Reason.profession, "permission_table.read", "platform_admin", detail)


WHY: Mapping[Reason, tuple[str, str]] = {
    Reason.no_consent: ("この項目群の提供について同意がありません", "No consent in force covers these items for you"),
    Reason.consent_withdrawn: ("同意が撤回されています", "The consent has been withdrawn"),
    Reason.family_consent_missing: ("家族の同意がありません", "The family's own consent is missing"),
    Reason.profession: NO_RIGHT,
    Reason.restricted: ("同意で名指しされていない要配慮項目です", "A restricted item that no consent names"),
}


def unreadable(reason: Reason) -> Forbidden:
    """A record of which nothing may be read, for this reason."""
    by = "platform_admin" if reason is Reason.profession else "patient"
    rule = "permission_table" if reason is Reason.profession else "consent"
    return Forbidden(reason, rule, by, WHY[reason])


GRAIN_SECONDS = 0.02
"""A 404 leaves at the next multiple of this since its request began. To refuse a hidden patient its ties and consents are
read, for an absent one there is nothing to read: without the wait the difference could be told by asking often enough.
Longer than most refusals take; where one takes longer, it waits for the next multiple (docs/decisions/0013)."""


def until_next_grain(elapsed: float) -> float:
    """Seconds from here, so long after a request began, to the next multiple of the grain."""
    return GRAIN_SECONDS - elapsed % GRAIN_SECONDS
