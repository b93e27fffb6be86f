"""Alembic's entry. A migration waits two seconds at most for a lock: a waiting ALTER blocks every reader behind it."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, text

from renkei.database import driver_url
from renkei.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        connection.execute(text("SET LOCAL statement_timeout = '10min'"))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(driver_url(os.environ["RENKEI_OWNER_DATABASE_URL"])).connect() as own:
        run(own)
        own.commit()
