"""サインインの試み: how often somebody has guessed, so that guessing gets slow. No patient, so no grant.

What is counted against whom: a device that has signed in to the account before is counted by itself; everybody else by address, and
all of them together by account. So nobody can shut a colleague out of the colleague's own device (OWASP, "device cookies").
"""

from typing import NamedTuple
from uuid import UUID

from renkei.database import Transaction
from renkei.ids import new_id

FREE, LONGEST_DELAY = 5, 900
"""So many wrong ones cost nothing; then each doubles the wait, in seconds, from one on."""
CEILING = {"password": (50, 3_600), "second_factor": (20, 86_400)}
"""From devices unknown to the account, of all addresses together: at most so many wrong ones in so many seconds.
Whoever guesses second factors knows the password already: there the ceiling is low."""

LOCK = "SELECT pg_advisory_xact_lock(%s)"
COUNT = """
SELECT mine.failures, mine.since, others.failures AS by_strangers, others.frees_in FROM
(SELECT count(*) AS failures, extract(epoch FROM now() - max(at)) AS since FROM sign_in_attempts
 WHERE login = %(login)s AND step = %(step)s AND source = %(source)s AND NOT succeeded AND at > now() - interval '1 day'
   AND at > coalesce((SELECT max(s.at) FROM sign_in_attempts s WHERE s.login = %(login)s AND s.step = %(step)s
                      AND s.source = %(source)s AND s.succeeded), '-infinity')) mine,
(SELECT count(*) AS failures, extract(epoch FROM min(at) - now()) + %(window)s AS frees_in FROM sign_in_attempts
 WHERE login = %(login)s AND step = %(step)s AND NOT known_device AND NOT succeeded
   AND at > now() - make_interval(secs => %(window)s)) others
"""
INSERT = """
INSERT INTO sign_in_attempts (id, login, source, known_device, step, succeeded) VALUES (%s, %s, %s, %s, %s, false)
"""
SUCCEED = "UPDATE sign_in_attempts SET succeeded = true WHERE id = %s"
FORGET = """
DELETE FROM sign_in_attempts WHERE id IN (
  SELECT id FROM sign_in_attempts WHERE at < now() - interval '1 day' ORDER BY at LIMIT %s
) RETURNING id
"""


class Source(NamedTuple):
    """Where an attempt comes from, as a digest: a device known to the account, or an address."""

    digest: bytes
    known_device: bool


async def begin_attempt(tx: Transaction, login: bytes, source: Source, step: str) -> UUID | int:
    """Count an attempt as failed until it succeeds, before anything is compared: many at once are many. An int: not now,
    wait so many seconds; that is not counted. login: the digest of what was typed, whether or not it has an account."""
    tx.later(LOCK, [int.from_bytes(login[:8], "big", signed=True)])
    most, window = CEILING[step]
    asked = {"login": login, "source": source.digest, "step": step, "window": window}
    (found,) = await tx.rows(COUNT, asked)
    wait = delay(found.failures) - float(found.since or 0)
    if not source.known_device and found.by_strangers >= most:
        wait = max(wait, float(found.frees_in))
    if wait > 0:
        return int(wait) + 1
    id_ = new_id()
    tx.later(INSERT, [id_, login, source.digest, source.known_device, step])
    return id_


def succeed(tx: Transaction, attempt_id: UUID) -> None:
    """It was right: what this source failed before counts no more."""
    tx.later(SUCCEED, [attempt_id])


def delay(failures: int) -> int:
    """Seconds to wait after so many failures in a row."""
    return 0 if failures < FREE else min(LONGEST_DELAY, 2 ** min(failures - FREE, 10))


async def forget_attempts(tx: Transaction, largest: int) -> int:
    """Remove those that count no more; how many. The worker's."""
    return len(await tx.rows(FORGET, [largest]))
