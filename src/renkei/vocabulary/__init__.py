"""The closed lists everything else is written in, each with its Japanese word.

A code here is a code in the HTTP contract and in the database: never rename one, only add.
"""

from renkei.vocabulary.acts import (
    ActorKind,
    Basis,
    Finding,
    Outcome,
    Permission,
    Reason,
    Scope,
    Wants,
)
from renkei.vocabulary.care import (
    RESTRICTED_COLUMN,
    ConsentForm,
    ConsentSubject,
    Group,
    IdentifierSystem,
    Language,
    Office,
    OrganizationKind,
    Part,
    Profession,
    RecordKind,
    Sex,
    Tier,
)

__all__ = [
    "RESTRICTED_COLUMN",
    "ActorKind",
    "Basis",
    "ConsentForm",
    "ConsentSubject",
    "Finding",
    "Group",
    "IdentifierSystem",
    "Language",
    "Office",
    "OrganizationKind",
    "Outcome",
    "Part",
    "Permission",
    "Profession",
    "Reason",
    "RecordKind",
    "Scope",
    "Sex",
    "Tier",
    "Wants",
]
