"""サインインのほかの方法: passkeys, and the OpenID providers of organizations. No patient, no foreign key to one."""

import sqlalchemy as sa

from renkei.tables.base import Instant, Json, Texts, column, metadata, moment, optional, reason

login_providers = sa.Table(  # 事業所のログイン (IdP). secret: sealed; none where we sign with our own keys
    "login_providers",
    metadata,
    sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), primary_key=True),
    column("issuer", sa.Text),
    column("client_id", sa.Text),
    optional("secret", sa.LargeBinary),
    column("scopes", Texts),
    # Which claim must have one of which values for a sign-in to be of this organization: a provider may serve several.
    optional("organization_claim", sa.Text),
    column("organization_values", Texts),
    # Which claim tells the profession, and what each of its values stands for.
    optional("profession_claim", sa.Text),
    column("professions", Json),
    # What the provider must say for its sign-in to count as two factors; with neither our own second factor is asked.
    column("accepted_acr", Texts),
    column("accepted_amr", Texts),
    moment("set_at"),
    reason(),
)

login_subjects = (
    sa.Table(  # 事業所のログインとアカウントの結びつき. session_hash: the sign-in that must take its second step first
        "login_subjects",
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("organization_id", sa.Uuid, sa.ForeignKey("organizations.id"), nullable=False),
        column("issuer", sa.Text),
        column("subject", sa.Text),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
        optional("session_hash", sa.LargeBinary),
        moment("linked_at"),
        optional("confirmed_at", Instant),
        optional("ended_at", Instant),
        reason(),
        sa.Index(None, "account_id"),
        sa.Index(None, "session_hash", postgresql_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL")),
        sa.Index(
            "one_account_for_a_subject",
            "organization_id",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=sa.text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
        ),
    )
)

passkeys = sa.Table(  # パスキー. sign_count: the last one seen; synced: it may be copied to its owner's other devices
    "passkeys",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False),
    column("credential_id", sa.LargeBinary),
    column("public_key", sa.LargeBinary),
    column("sign_count", sa.BigInteger),
    column("transports", Texts),
    column("synced", sa.Boolean),
    column("name", sa.Text),
    moment("added_at"),
    optional("last_used_at", Instant),
    optional("ended_at", Instant),
    reason(),
    sa.Index(None, "account_id"),
    sa.Index("one_passkey_of_an_id", "credential_id", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
)

# What a browser was asked and must answer once, soon, itself: sealed. Or what counts once, without content. No act, so no event.
ceremonies = sa.Table(  # サインインの往復
    "ceremonies",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    column("content", sa.LargeBinary),
    column("expires_at", Instant),
    sa.Index(None, "expires_at"),
)
