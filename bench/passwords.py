"""Does the time of a refused sign-in tell whether there is an account? ``python -m bench.passwords`` asks for both in turn.

Over a real server on 127.0.0.1, a wrong password of an account that is there and one of none, the order of each pair by lot; each
account once, so that nobody is slowed down. It fails where p is 0.01 or less.
"""

import argparse
import http.client
import re
import statistics
import sys
from urllib.parse import urlencode

import psycopg
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from bench.hidden import LEAST_P, Compared, asked, compared
from bench.place import Place, scratch

WARM_UP = 20
FROM_ONE_ADDRESS = 50
ACCOUNTS = """
INSERT INTO accounts (id, email, name, password_hash, password_set_at, audit_event_id)
SELECT gen_random_uuid(), 'kept' || n || '@example.jp', '検査', %s, now(), gen_random_uuid() FROM generate_series(1, %s) n
"""


def main() -> None:
    """Measure, tell, and fail where a difference shows."""
    parser = argparse.ArgumentParser(prog="python -m bench.passwords")
    parser.add_argument("--n", type=int, default=500, help="sign-ins of each kind")
    count = WARM_UP + parser.parse_args().n
    with scratch() as (folder, embedded):
        place = Place.prepare(folder, embedded, worker=False)
        hashed = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).hash("the-password-nobody-sends")
        with psycopg.connect(place.owner_url) as connection:
            connection.execute(ACCOUNTS, [hashed, count])
        with place.serving():
            place.settle()
            found = _compare(place.port, count)
    kept, none = (statistics.median(times) * 1000 for times in (found.hidden, found.absent))
    sizes = f"n {len(found.hidden)} + {len(found.absent)}"
    print(
        f"sign-in  {sizes}  median wrong password {kept:.1f} ms, no account {none:.1f} ms  KS {found.distance:.4f}  p {found.p:.3g}"
    )
    sys.exit(found.p <= LEAST_P)


def _compare(port: int, count: int) -> Compared:
    senders: dict[int, _Sender] = {}

    def ask(turn: int, kept: bool) -> float:
        number = turn // FROM_ONE_ADDRESS + 1
        sender = senders.get(number) or senders.setdefault(number, _Sender(port, f"127.0.1.{number}"))
        return sender.refused(f"{'kept' if kept else 'none'}{turn + 1}@example.jp")

    return compared("sign-in", WARM_UP, count, ask)


class _Sender:
    """A browser on one connection, from one address of this machine."""

    def __init__(self, port: int, address: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(address, 0))
        self.connection.request("GET", "/login")
        answer = self.connection.getresponse()
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        token = re.search(rb'name="form_token" value="(\w+)"', answer.read())
        assert token is not None, "no form to sign in with"
        self.token = token[1].decode()

    def refused(self, email: str) -> float:
        """Seconds from sending to the whole answer, which must be a refusal."""
        body = urlencode({"form_token": self.token, "email": email, "password": "wrong-tulip-kiosk"})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        return asked(self.connection, "POST", "/login", body, headers, refused=422)


if __name__ == "__main__":
    main()
