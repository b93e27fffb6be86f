"""職員と認証: who signs in, at which organizations they have posts, by what they prove themselves. No patient, no foreign key to one.

Secrets are kept as hashes; the one that must be read again (a second factor's seed) is sealed by ``renkei.secret_box``.
"""

import sqlalchemy as sa

from renkei.tables.base import Instant, Texts, column, metadata, moment, optional, reason


def _account(nullable: bool = False) -> "sa.Column[object]":
    return sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=nullable)


accounts = sa.Table(  # 職員のアカウント: one for one person. password_hash: none for who signs in elsewhere only
    "accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    column("email", sa.Text),
    column("name", sa.Text),
    optional("name_kana", sa.Text),
    optional("password_hash", sa.Text),
    optional("password_set_at", Instant),
    moment("joined_at"),
    reason(),
    sa.UniqueConstraint("email"),
    sa.CheckConstraint("email = lower(email)", name="email"),
)

members = sa.Table(  # 職員: a post (職) at one organization. account_id: none until the invitation is accepted
    "members",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
    _account(nullable=True),
    column("email", sa.Text),
    column("name", sa.Text),
    optional("name_kana", sa.Text),
    column("office", sa.Text),
    optional("profession", sa.Text),
    column("valid_from", sa.Date),
    optional("valid_until", sa.Date),
    moment("registered_at"),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "organization_id", "id"),
    sa.Index(None, "account_id"),
    sa.CheckConstraint("office IN ('ordinary', 'organization_admin')", name="office"),
    # Whoever administers does so under a post of its own: it reads no content, and so has no profession.
    sa.CheckConstraint("(office = 'ordinary') = (profession IS NOT NULL)", name="profession"),
)

invitations = sa.Table(  # 招待: a link that opens once. purpose: to take a post, or to set another password
    "invitations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("member_id", sa.Uuid, sa.ForeignKey("members.id"), nullable=False),
    column("purpose", sa.Text),
    column("token_hash", sa.LargeBinary),
    moment("made_at"),
    column("expires_at", Instant),
    optional("used_at", Instant),
    reason(),
    sa.Index(None, "member_id"),
    sa.UniqueConstraint("token_hash"),
    sa.CheckConstraint("purpose IN ('join', 'password')", name="purpose"),
)

second_factors = sa.Table(  # 二要素目: for totp the sealed seed and the last step of its clock that was used
    "second_factors",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _account(),
    column("kind", sa.Text),
    optional("secret", sa.LargeBinary),
    sa.Column("last_step", sa.BigInteger, nullable=False, server_default="0"),
    moment("added_at"),
    optional("confirmed_at", Instant),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "account_id"),
    sa.CheckConstraint("kind IN ('totp')", name="kind"),
)

recovery_codes = sa.Table(  # 回復コード: each opens once
    "recovery_codes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _account(),
    column("code_hash", sa.LargeBinary),
    moment("made_at"),
    optional("used_at", Instant),
    optional("ended_at", Instant),
    reason(),
    sa.UniqueConstraint("account_id", "code_hash"),
)

one_time_codes = sa.Table(  # 一時コード: by the organization's administrator, for the day the phone is lost
    "one_time_codes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _account(),
    sa.Column("member_id", sa.Uuid, sa.ForeignKey("members.id"), nullable=False),
    column("code_hash", sa.LargeBinary),
    moment("made_at"),
    column("expires_at", Instant),
    optional("used_at", Instant),
    reason(),
    sa.Index(None, "account_id"),
)

# member_id: the post chosen. organization_id: whose own login vouched for the person, and so the only one whose posts it opens;
# none where it was proved here. methods: amr of RFC 8176. stage: what is still to be proved.
sessions = sa.Table(  # 認証セッション
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _account(),
    sa.Column("member_id", sa.Uuid, sa.ForeignKey("members.id"), nullable=True),
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=True),
    optional("professions", Texts),
    column("secret_hash", sa.LargeBinary),
    column("stage", sa.Text),
    column("methods", Texts),
    column("agent", sa.Text),
    column("address", sa.Text),
    moment("authenticated_at"),
    moment("last_seen_at"),
    column("expires_at", Instant),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "account_id"),
    sa.Index(None, "organization_id", postgresql_where=sa.text("organization_id IS NOT NULL AND ended_at IS NULL")),
    sa.UniqueConstraint("secret_hash"),
    sa.CheckConstraint("stage IN ('second_factor', 'enrolment', 'open')", name="stage"),
)

# Kept for a day, to slow down who guesses; what it was stands in the ledger.
sign_in_attempts = sa.Table(  # サインインの試み
    "sign_in_attempts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    column("login", sa.LargeBinary),
    column("source", sa.LargeBinary),
    column("known_device", sa.Boolean),
    column("step", sa.Text),
    moment("at"),
    column("succeeded", sa.Boolean),
    sa.Index(None, "login", "at"),
    sa.Index(None, "at"),
    sa.CheckConstraint("step IN ('password', 'second_factor')", name="step"),
)
