"""事業所のログイン: the OpenID provider by which an organization's staff sign in. No patient, no foreign key to one."""

import sqlalchemy as sa

from renkei.tables.base import Json, Texts, column, metadata, moment, optional, reason

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
