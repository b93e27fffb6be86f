"""Who reaches whom: patients, the numbers they are known by, ties, consents. Read by ``access.reach``."""

import sqlalchemy as sa

from renkei.tables.base import Ids, Instant, Json, Texts, column, metadata, moment, optional, patient_table, reason

patients = sa.Table(  # 利用者
    "patients",
    metadata,
    sa.Column("patient_id", sa.Uuid, primary_key=True),
    column("registered_by", sa.Uuid),
    moment("registered_at"),
    reason(),
)

patient_particulars = patient_table(  # 基本属性: appended; the newest holds
    "patient_particulars",
    column("name", Json),
    column("name_kana", Json),
    column("birth_date", sa.Date),
    column("sex", sa.Text),
    optional("moved_on", sa.Date),
    optional("moved_to", sa.Text),
    optional("died_on", sa.Date),
    optional("why", sa.Text),  # None: as registered
    moment("recorded_at"),
    reason(),
)

patient_identifiers = (
    patient_table(  # 番号: appended; a number's newest row holds. organization_id: whose own (local) it is
        "patient_identifiers",
        optional("organization_id", sa.Uuid),
        column("body", Json),
        optional("valid_from", sa.Date),
        optional("valid_until", sa.Date),
        sa.Column("mistaken", sa.Boolean, nullable=False, server_default=sa.false()),
        moment("recorded_at"),
        reason(),
    )
)

search_keys = patient_table(  # 検索用の正規化した氏名
    "search_keys",
    column("name_key", sa.Text),
    column("kana_key", sa.Text),
    column("birth_date", sa.Date),
    column("identifiers", Texts),
    sa.Column("mistaken", Texts, nullable=False, server_default="{}"),  # numbers that earlier rows have in error
    reason(),
    sa.Index(None, "birth_date", "kana_key"),
)

identities = sa.Table(  # 番号 → 利用者. Keyed by its own hash; closed to all but the lookup function
    "identities",
    metadata,
    column("key", sa.LargeBinary),
    column("patient_id", sa.Uuid),
    column("body", Json),
    optional("organization_id", sa.Uuid),
    moment("recorded_at"),
    reason(),
    sa.PrimaryKeyConstraint("key", "patient_id"),
)

identity_ends = patient_table(  # 番号の終わり: appended; a number's newest row holds, none: it has no end
    "identity_ends",
    column("key", sa.LargeBinary),
    optional("valid_until", sa.Date),
    column("mistaken", sa.Boolean),
    moment("recorded_at"),
    reason(),
    sa.Index(None, "key", "patient_id"),
)

possible_duplicates = patient_table(  # 同一人物の可能性: same number, another birth date or sex
    "possible_duplicates",
    column("other_patient_id", sa.Uuid),
    moment("noticed_at"),
    reason(),
)

link_decisions = patient_table(  # 名寄せの判断: appended, a row for either of the two; the newest about a pair holds
    "link_decisions",
    column("other_patient_id", sa.Uuid),
    column("verdict", sa.Text),
    column("reason", sa.Text),
    column("decided_by", Json),
    moment("decided_at"),
    reason(),
    sa.CheckConstraint("verdict IN ('linked', 'parted', 'distinct')", name="verdict"),
)

linked_patients = sa.Table(  # 名寄せされた利用者: which ids are one person now; made from link_decisions
    "linked_patients",
    metadata,
    sa.Column("patient_id", sa.Uuid, sa.ForeignKey("patients.patient_id"), primary_key=True),
    column("members", Ids),
    reason(),
)

author_organizations = sa.Table(  # 自機関の記録がある
    "author_organizations",
    metadata,
    sa.Column("patient_id", sa.Uuid, sa.ForeignKey("patients.patient_id"), nullable=False),
    column("organization_id", sa.Uuid),
    reason(),
    sa.PrimaryKeyConstraint("patient_id", "organization_id"),
    sa.Index(None, "organization_id", "patient_id"),
)

care_team_places = patient_table(  # ケアチーム: each PUT and DELETE appends a row; an organization's newest holds
    "care_team_places",
    column("organization_id", sa.Uuid),
    column("part", sa.Text),
    column("valid_from", sa.Date),
    optional("valid_until", sa.Date),
    column("ended", sa.Boolean),
    moment("recorded_at"),
    reason(),
    sa.Index(None, "patient_id", "organization_id", "recorded_at"),
    sa.Index(None, "organization_id", "patient_id"),
)

join_requests = patient_table(  # 番号の照合による参加申請
    "join_requests",
    column("organization_id", sa.Uuid),
    column("part", sa.Text),
    column("sent", Json),
    moment("requested_at"),
    reason(),
    sa.Index(None, "patient_id", "organization_id"),
    sa.Index(None, "organization_id", "patient_id"),
)

consents = patient_table(  # 同意
    "consents",
    column("about", sa.Text),
    column("valid_from", sa.Date),
    optional("valid_until", sa.Date),
    column("care_team", sa.Boolean),
    column("professions", Texts),
    column("groups", Texts),
    column("tiers", Texts),
    column("restricted", Texts),
    column("except_organizations", Ids),
    column("body", Json),
    column("recorded_by", sa.Uuid),
    moment("recorded_at"),
    reason(),
)

consent_organizations = sa.Table(  # 同意で名指しされた事業所
    "consent_organizations",
    metadata,
    column("patient_id", sa.Uuid),
    column("consent_id", sa.Uuid),
    column("organization_id", sa.Uuid),
    reason(),
    sa.PrimaryKeyConstraint("patient_id", "consent_id", "organization_id"),
    sa.ForeignKeyConstraint(["patient_id", "consent_id"], ["consents.patient_id", "consents.id"]),
    sa.Index(None, "organization_id", "patient_id"),
)

consent_withdrawals = patient_table(  # 同意の撤回: counts from its instant
    "consent_withdrawals",
    column("consent_id", sa.Uuid),
    column("reason", sa.Text),
    optional("replaced_by", sa.Uuid),
    moment("withdrawn_at"),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "consent_id"], ["consents.patient_id", "consents.id"]),
    sa.UniqueConstraint("patient_id", "consent_id"),
)

consent_evidence = patient_table(  # 同意書の写し. digest: SHA-256 of the content
    "consent_evidence",
    column("consent_id", sa.Uuid),
    column("media_type", sa.Text),
    optional("title", sa.Text),
    column("size", sa.Integer),
    column("digest", sa.LargeBinary),
    column("content", sa.LargeBinary),
    column("added_by", sa.Uuid),
    moment("added_at"),
    reason(),
    sa.ForeignKeyConstraint(["patient_id", "consent_id"], ["consents.patient_id", "consents.id"]),
    sa.UniqueConstraint("patient_id", "consent_id", "digest"),
)

emergency_accesses = patient_table(  # 緊急閲覧
    "emergency_accesses",
    column("organization_id", sa.Uuid),
    column("groups", Texts),
    column("reason", sa.Text),
    column("opened_by", Json),
    moment("opened_at"),
    column("expires_at", Instant),
    reason(),
    sa.Index(None, "patient_id", "organization_id", "expires_at"),
    sa.Index(None, "organization_id", "patient_id"),
)

emergency_closures = patient_table(  # 緊急閲覧の終了
    "emergency_closures",
    column("emergency_access_id", sa.Uuid),
    moment("closed_at"),
    reason(),
    sa.ForeignKeyConstraint(
        ["patient_id", "emergency_access_id"], ["emergency_accesses.patient_id", "emergency_accesses.id"]
    ),
    sa.UniqueConstraint("patient_id", "emergency_access_id"),
)

emergency_reviews = patient_table(  # 緊急閲覧の事後検証: closes the queue, once
    "emergency_reviews",
    column("emergency_access_id", sa.Uuid),
    column("finding", sa.Text),
    column("comment", sa.Text),
    column("reviewed_by", Json),
    moment("reviewed_at"),
    reason(),
    sa.ForeignKeyConstraint(
        ["patient_id", "emergency_access_id"], ["emergency_accesses.patient_id", "emergency_accesses.id"]
    ),
    sa.UniqueConstraint("patient_id", "emergency_access_id"),
    sa.CheckConstraint("finding IN ('justified', 'unjustified', 'unclear')", name="finding"),
)

access_requests = patient_table(  # 閲覧・参加の申請. Requests to join after a match by number: join_requests
    "access_requests",
    column("organization_id", sa.Uuid),
    column("wants", sa.Text),
    column("groups", Texts),
    column("restricted", Texts),
    column("reason", sa.Text),
    column("requested_by", Json),
    moment("requested_at"),
    reason(),
    sa.Index(None, "organization_id", "patient_id"),
    sa.CheckConstraint("wants IN ('care_team', 'consent', 'permission')", name="wants"),
)

request_decisions = patient_table(  # 申請への回答: of an access request or a request to join, once
    "request_decisions",
    column("request_id", sa.Uuid),
    column("approved", sa.Boolean),
    optional("comment", sa.Text),
    column("decided_by", Json),
    moment("decided_at"),
    reason(),
    sa.UniqueConstraint("patient_id", "request_id"),
)
