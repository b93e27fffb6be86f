"""Mutants tried in one process, with one service and one database for all of them: a tenth of a second where mutmut needs seconds.

mutmut makes the mutants, drops those that mypy refuses and knows which test comes by which function; it then begins each mutant
in a process that has run nothing, which makes an application and a database of its own. Most mutants die by their first test.
So here: a mutant is switched on, its tests run, the quickest first, until one fails; the mutant is switched off and the same test
run again, and once more with it. It is dead only if it did it both times, and its absence not: not if an earlier one left something behind.
What hangs, ends the process, or only runs while an application is made, mutmut tries in its own way (``make mutants``).

Mutants that change a decision come before those that change a word or an argument. Whatever lived is tried again at the next run:
tests may have come since. ``python -m bench.mutants 3 30``: first with three seconds of tests for each, then with thirty; without
a number it only tells how things stand.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutmut.configuration import config

HERE = Path("mutants")
Function = ast.FunctionDef | ast.AsyncFunctionDef
SURVIVED, KILLED, REFUSED = 0, 1, 37
"""mutmut's codes."""
VERDICTS = {KILLED: "killed", REFUSED: "refused by mypy", SURVIVED: "survived", None: "untried", 33: "without a test"}
SECONDS = 20
"""How long a test may take; its slowest take one."""
SPOILED, STALE = 20, 3
"""So many tests may come to fail without a mutant, as some do once they have failed; then the process ends with this."""
AT_MOST = 300
"""As many in one process: what it has found out is noted down when it ends."""
JUDGES = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.boolop, ast.cmpop, ast.Break, ast.Continue)
ASKED = {"test", "ifs", "defaults", "kw_defaults"}
"""Parts of a syntax tree in which any change is one of a decision: conditions, and what is so when nothing is said."""


def metas() -> Iterator[tuple[Path, dict[str, Any]]]:
    """mutmut's notes on each mutated file."""
    for path in sorted(HERE.glob("src/**/*.meta")):
        yield path, json.loads(path.read_text("utf-8"))


def verdicts() -> dict[str, int | None]:
    """What mutmut's notes say of each mutant."""
    return {name: code for _, meta in metas() for name, code in meta["exit_code_by_key"].items()}


def note_down(codes: dict[str, int | None]) -> None:
    """Into mutmut's own notes."""
    for path, meta in metas():
        known = meta["exit_code_by_key"]
        known.update({name: code for name, code in codes.items() if name in known})
        path.write_text(json.dumps(meta, indent=4), "utf-8")


def functions() -> dict[str, Function]:
    """The function that each mutant is; and by the same names the originals."""
    found: dict[str, Function] = {}
    for path, _ in metas():
        module = ".".join(path.with_suffix("").with_suffix("").relative_to(HERE / "src").parts)
        for node in ast.walk(ast.parse(path.with_suffix("").read_text("utf-8"))):
            if isinstance(node, Function):
                found[f"{module}.{node.name}"] = node
    return found


def decisions(made: dict[str, Function]) -> set[str]:
    """The mutants that differ from the original in a comparison, a condition, and, or, not, true and false."""
    return {name for name in verdicts() if decides(made[f"{name.rpartition('_')[0]}_orig"], made[name])}


def refused(made: dict[str, Function]) -> set[str]:
    """The mutants that could not be committed here: mypy finds fault with a line of theirs."""
    command = config().type_check_command
    said = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False).stdout
    faults = [json.loads(line) for line in said.splitlines() if line.strip()]
    lines: dict[str, set[int]] = {}
    for fault in faults:
        if fault["severity"] == "error":
            lines.setdefault(".".join(Path(fault["file"]).with_suffix("").parts[1:]), set()).add(fault["line"])
    spans = {name: range(made[name].lineno, (made[name].end_lineno or 0) + 1) for name in verdicts()}
    return {name for name, span in spans.items() if not lines.get(name.rpartition(".")[0], set()).isdisjoint(span)}


def decides(sound: object, changed: object) -> bool | None:
    """Whether the first difference between two syntax trees is one of a decision; None: there is none."""
    if type(sound) is not type(changed):
        return isinstance(sound, JUDGES) or isinstance(changed, JUDGES)
    if isinstance(sound, list) and isinstance(changed, list):
        if len(sound) != len(changed):
            return False
        return next((it for it in map(decides, sound, changed) if it is not None), None)
    if isinstance(sound, ast.AST):
        for part in sound._fields:
            below = decides(getattr(sound, part), getattr(changed, part)) if part != "name" else None
            if below is not None:
                return below or part in ASKED or isinstance(sound, JUDGES)
        return None
    return None if sound == changed else isinstance(sound, bool)


def mutants_to_try(seconds: float, steady: dict[str, float], of: set[str]) -> dict[str, list[str]]:
    """Those of them that have no verdict, then those that have lived, each with as many of its quickest tests as take so long."""
    tests = json.loads((HERE / "mutmut-stats.json").read_text("utf-8"))["tests_by_mangled_function_name"]
    codes = verdicts()
    todo = {
        name: within(seconds, sorted((steady[test], test) for test in tests.get(function, ()) if test in steady))
        for name, code in codes.items()
        if name in of and code in (None, SURVIVED) and "ǁ__init__" not in (function := name.rpartition("__mutmut_")[0])
    }
    return {name: todo[name] for name in sorted(todo, key=lambda name: codes[name] is not None) if todo[name]}


def within(seconds: float, tests: list[tuple[float, str]]) -> list[str]:
    """The first that together take no longer; the very first in any case."""
    spent = list(accumulate(duration for duration, _ in tests))
    return [test for place, (_, test) in enumerate(tests) if place == 0 or spent[place] <= seconds]


class OneAfterAnother:
    """In place of pytest's loop: so many mutants, each with its tests. One line says a mutant begins, one what became of it."""

    def __init__(self, mutants: dict[str, list[str]], notes: Path) -> None:
        self.mutants, self.notes = mutants, notes
        self.spoiled = set[str]()
        self.killers: dict[str, set[str]] = {}  # by module: what noticed one is soonest to notice the next

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        # What all share is made by sound code.
        for first in {item.nodeid.partition("::")[0]: item for item in reversed(session.items)}.values():
            passes(session, first)
        with self.notes.open("a", encoding="utf-8", buffering=1) as notes:
            for name, tests in self.mutants.items():
                notes.write(json.dumps(["begun", name]) + "\n")
                began = time.monotonic()
                killers = self.killers.setdefault(name.rpartition(".")[0], set())
                likely = sorted((test for test in tests if test in items), key=lambda test: test not in killers)
                by = next((test for test in likely if self.kills(session, name, items[test])), None)
                killers |= {by} if by else set()
                verdict = "killed" if by else "spoiled" if name in self.spoiled else "survived"
                notes.write(json.dumps([verdict, name, round(time.monotonic() - began, 2), by]) + "\n")
        return True

    def kills(self, session: pytest.Session, name: str, item: pytest.Item) -> bool:
        """Whether this test fails with the mutant, passes without, and fails with it again: neither what an earlier mutant left
        behind comes twice, nor a pause of the machine. Without may take two runs, as the first tidies up; in vain: it is spoiled."""
        if item.nodeid in self.spoiled or passes(session, item, name):
            return False
        if passes(session, item) or passes(session, item):
            return not passes(session, item, name)
        self.spoiled.add(item.nodeid)
        if len(self.spoiled) > SPOILED:
            os._exit(STALE)
        return False


def passes(session: pytest.Session, item: pytest.Item, name: str = "") -> bool:
    """Run one test with this mutant; afterwards all is torn down but what the whole session shares."""
    os.environ["MUTANT_UNDER_TEST"] = name
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    reports = runtestprotocol(item, log=False, nextitem=session)  # type: ignore[arg-type]  # the session, in place of the test that follows: only its own fixtures stay
    signal.alarm(0)
    os.environ["MUTANT_UNDER_TEST"] = ""
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
    return int(pytest.main(["-q", "--tb=line", *needed], plugins=[OneAfterAnother(mutants, notes)]))


def in_children(remaining: dict[str, list[str]]) -> Iterator[list[tuple[str, str, float]]]:
    """Try each once: (killed or survived, name, seconds), as far as each process comes. What ends it has no verdict."""
    todo, notes = (HERE / "quick.json").absolute(), (HERE / "quick.log").absolute()
    folder = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.absolute() / "src"), str(HERE.absolute())])}
    while remaining:
        todo.write_text(json.dumps(dict(islice(remaining.items(), AT_MOST))), "utf-8")
        notes.write_text("", "utf-8")
        subprocess.run([sys.executable, "-m", "bench.mutants", todo, notes], cwd=HERE, env=folder, check=False)
        lines = [json.loads(line) for line in notes.read_text("utf-8").splitlines()]
        begun = {line[1] for line in lines if line[0] == "begun"}
        if not begun:
            raise SystemExit("No mutant could be tried: does the suite pass in the folder mutants?")
        yield [(line[0], line[1], line[2]) for line in lines if line[0] != "begun"]
        remaining = {name: tests for name, tests in remaining.items() if name not in begun}


def steady_tests() -> dict[str, float]:
    """The tests that pass twice in one process that has run others, and how long each takes. Found out once for each test."""
    kept = HERE / "steady.json"
    known: dict[str, float | None] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    tests = json.loads((HERE / "mutmut-stats.json").read_text("utf-8"))["duration_by_test"]
    # Its own name is no mutant's: it passes, and passes again.
    for found in in_children({test: [test, test] for test in tests if test not in known}):
        known |= {name: spent / 2 if verdict == "survived" else None for verdict, name, spent in found}
        kept.write_text(json.dumps(known, indent=1), "utf-8")
    print(f"{len(tests)} tests; not used because they do not pass twice:", *(t for t in tests if known.get(t) is None))
    return {test: spent for test, spent in known.items() if spent is not None and test in tests}


def tell(first: set[str]) -> None:
    """What has become of the mutants so far."""
    for kind, of in (("decisions", first), ("all", verdicts().keys())):
        counted = Counter(VERDICTS.get(code, "other") for name, code in verdicts().items() if name in of)
        print(
            f"{kind}: {len(of)} mutants;",
            ", ".join(f"{verdict} {n}" for verdict, n in sorted(counted.items())),
            flush=True,
        )


def main(rounds: list[float]) -> None:
    """So many seconds of tests for each mutant in each round."""
    made = functions()
    note_down(
        {name: None for name, code in verdicts().items() if code == REFUSED} | dict.fromkeys(refused(made), REFUSED)
    )
    first, steady = decisions(made), steady_tests()
    tell(first)
    for of in (first, verdicts().keys() - first):
        for seconds in rounds:
            for tried in in_children(mutants_to_try(seconds, steady, of)):
                note_down({name: KILLED if verdict == "killed" else SURVIVED for verdict, name, _ in tried})
                tell(first)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].endswith(".json"):
        raise SystemExit(in_the_folder(Path(sys.argv[1]), Path(sys.argv[2])))
    main([float(seconds) for seconds in sys.argv[1:]])
