"""Mutants tried in one process, with one service and one database for all of them: a tenth of a second where mutmut needs seconds.

mutmut makes the mutants, drops those that mypy refuses and knows which test comes by which function; it then begins each mutant
in a process that has run nothing, which makes an application and a database of its own. Most mutants die by their first test.
So here, first: a mutant is switched on, its tests run, the quickest first, until one fails; the mutant is switched off and the
same test run again. It is dead only if that passes: the mutant did it, not what an earlier one left behind. Whatever survives
here, hangs, or ends the process, mutmut then tries in its own way (``make mutants``), and that verdict counts.

Runs in the folder ``mutants``: ``python -m bench.mutants``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

KILLED, SECONDS, STALE = 1, 20, 3
"""mutmut's code; how long a test may take, its slowest take one; what the process ends with when a test fails without its mutant."""
BUDGET_SECONDS = 3.0
"""Of the tests that come by a function, as many of the quickest as take this long: what they leave alive costs all the others too."""
HERE = Path("mutants")


def metas() -> Iterator[tuple[Path, dict[str, Any]]]:
    """mutmut's notes on each mutated file."""
    for path in sorted(HERE.glob("src/**/*.meta")):
        yield path, json.loads(path.read_text("utf-8"))


def open_mutants() -> dict[str, list[str]]:
    """Each mutant without a verdict, and its tests, the quickest first."""
    stats = json.loads((HERE / "mutmut-stats.json").read_text("utf-8"))
    duration, tests = stats["duration_by_test"], stats["tests_by_mangled_function_name"]
    return {
        name: within(BUDGET_SECONDS, sorted((duration.get(test, 0.0), test) for test in tests[function]))
        for _, meta in metas()
        for name, code in meta["exit_code_by_key"].items()
        if code is None and (function := name.rpartition("__mutmut_")[0]) in tests
    }


def within(seconds: float, tests: list[tuple[float, str]]) -> list[str]:
    """The first that together take no longer; the very first in any case."""
    spent = list(accumulate(duration for duration, _ in tests))
    return [test for place, (_, test) in enumerate(tests) if place == 0 or spent[place] <= seconds]


class OneAfterAnother:
    """In place of pytest's loop: so many mutants, each with its tests. One line of the file says a mutant begins, one that it died."""

    def __init__(self, mutants: dict[str, list[str]], notes: Path) -> None:
        self.mutants, self.notes = mutants, notes

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        # What all share is made by sound code.
        for first in {item.nodeid.partition("::")[0]: item for item in session.items}.values():
            passes(session, first)
        with self.notes.open("a", encoding="utf-8", buffering=1) as notes:
            for name, tests in self.mutants.items():
                notes.write(f"begun {name}\n")
                began = time.monotonic()
                os.environ["MUTANT_UNDER_TEST"] = name
                failed = next((test for test in tests if test in items and not passes(session, items[test])), None)
                os.environ["MUTANT_UNDER_TEST"] = ""
                if failed and not passes(session, items[failed]):
                    os._exit(STALE)
                notes.write(f"{'killed' if failed else 'survived'} {name} {time.monotonic() - began:.2f} {failed}\n")
        return True


def passes(session: pytest.Session, item: pytest.Item) -> bool:
    """Run one test; afterwards all is torn down but what the whole session shares."""
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    reports = runtestprotocol(item, log=False, nextitem=session)  # type: ignore[arg-type]  # the session, in place of the test that follows: only its own fixtures stay
    signal.alarm(0)
    return all(report.outcome == "passed" for report in reports)


def too_long(*_: object) -> None:
    """Fail the test; where that does not end it, the next alarm ends the process."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    raise TimeoutError


def in_the_folder(todo: Path, notes: Path) -> int:
    """The child: all that it is told to try."""
    mutants = json.loads(todo.read_text("utf-8"))
    needed = sorted({test.partition("::")[0] for tests in mutants.values() for test in tests})
    return int(pytest.main(["-q", *needed], plugins=[OneAfterAnother(mutants, notes)]))


def note_down(killed: set[str]) -> None:
    """Into mutmut's own notes."""
    for path, meta in metas():
        codes = meta["exit_code_by_key"]
        codes.update(dict.fromkeys(killed & codes.keys(), KILLED))
        path.write_text(json.dumps(meta, indent=4), "utf-8")


def main() -> None:
    """Until every mutant has been tried here once."""
    todo, notes = (HERE / "quick.json").absolute(), (HERE / "quick.log").absolute()
    remaining, tried, dead = open_mutants(), 0, 0
    folder = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.absolute() / "src"), str(HERE.absolute())])}
    while remaining:
        todo.write_text(json.dumps(remaining), "utf-8")
        notes.write_text("", "utf-8")
        subprocess.run([sys.executable, "-m", "bench.mutants", todo, notes], cwd=HERE, env=folder, check=False)
        lines = [line.split(maxsplit=3) for line in notes.read_text("utf-8").splitlines()]
        killed = {line[1] for line in lines if line[0] == "killed"}
        begun = [line[1] for line in lines if line[0] == "begun"]
        if not begun:
            raise SystemExit("No mutant could be tried: does the suite pass in the folder mutants?")
        note_down(killed)
        tried, dead = tried + len(begun), dead + len(killed)
        remaining = {name: tests for name, tests in remaining.items() if name not in begun}
        print(f"tried {tried}, killed {dead}, to go {len(remaining)}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        raise SystemExit(in_the_folder(Path(sys.argv[1]), Path(sys.argv[2])))
    main()
