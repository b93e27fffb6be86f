"""Looking into the database as its owner, where no door tells."""

from typing import Any, LiteralString

import psycopg

from renkei.settings import Settings


def as_owner(settings: Settings, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of one statement, which is committed. The owner of these clusters is a superuser: no row is hidden."""
    url = settings.owner_database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []
