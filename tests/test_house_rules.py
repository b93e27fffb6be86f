"""The rules of the house that no linter knows. Each has samples that break it, so that a rule cannot fall silent unnoticed.

A rule is a function from a file (its path under src/renkei and its syntax tree) to what is wrong there.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "renkei"
ROOT = SOURCE.parents[1]
FILES = [file for folder in ("src", "tests", "bench", "migrations") for file in sorted((ROOT / folder).rglob("*.py"))]
LONGEST_FILE = 300

SQL_PLACES = (
    "store/",
    "tables/",
    "access/reach.py",
    "access/audit.py",
    "access/askers.py",
    "access/identity.py",
    "access/sessions.py",
    "access/standing.py",
    "database.py",
    "migration.py",
)
COMMIT_PLACES = ("database.py", "migration.py")  # migrations are transactions of their own
CLOCK_PLACES = ("ids.py",)

QUEUES = (
    "begin_queueing queue_new queue_again sweep take_turn renew release note_reached note_failed switch_off due "
    "keep_done keep_failed forget"
)
WITHOUT_GRANT = {
    "attachments.used": "the worker's: compares names of files, which tell of nobody",
    "changes.feed_end": "a number, about nobody",
    "changes.next_lines": "picks ids, kinds and offices of lines; reach and the gate then decide which are shown",
    "changes.publish": "the worker's: gives positions to ids, shows nothing to anybody",
    "retries.find_done": "before there is a patient to be granted: compares digests of one's own key, tells ids only",
    "retries.forget": "the worker's: removes keys by age, shows nothing to anybody",
    **{
        f"deliveries.{name}": "the worker's: fills and keeps queues of ids; what is told of them the gate opens"
        for name in QUEUES.split()
    },
    "seals.next_batch": "the worker's: what it seals it shows to nobody",
    "seals.insert_seal": "the worker's: digests of what is on record already",
    "seals.load_after": "seals tell of no patient: numbers and signatures, noted outside the database as they are",
    "drafts.expire": "the worker's: removes what is over, tells ids only",
    "patients.match": "before there is a patient to be granted: compares numbers, tells ids only",
    "emergencies.find": "before there is a patient to be granted: compares a number or a name, tells ids only",
    "emergencies.count_searches": "how often one's own organization has searched: a number",
    "import_rows.patients_by_number": "before there is a patient to be granted: compares numbers, tells ids only",
    "import_rows.made_by": "picks ids of one's own organization's; each is then withdrawn by a grant",
    **dict.fromkeys(
        ("emergencies.patients_with", "access_requests.patients_with", "links.find_candidates", "patients.find"),
        "picks ids among those that reach has found; the gate then grants the page",
    ),
}
"""Store functions that take a transaction and no grant, each with why none can stand there."""

_NAMES = (
    "accounts assertions attempts ceremonies clients delegations invitations jobs login_providers login_subjects members "
    "organizations passkeys permission_tables posts second_factors sessions subscriptions time_stamps"
)
NO_PATIENTS = tuple(f"store/{name}.py" for name in _NAMES.split())
"""Stores of what is on no patient; a test holds them to that."""

Fault = tuple[int, str]
Rule = Callable[[str, ast.Module], Iterator[Fault]]


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a chain of names, else the last attribute alone: ``self.x().now`` → ``now``."""
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func)


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """String constants, the parts of f-strings too, but no docstrings and no strings that stand alone as comments."""
    idle = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in idle:
            yield node.lineno, node.value


def nobody_commits(path: str, tree: ast.Module) -> Iterator[Fault]:
    """One request = one transaction: it is committed by whoever opened it, in one place."""
    if not path.startswith(COMMIT_PLACES):
        yield from ((line, f"calls {name}") for line, name in calls(tree) if re.search(r"(^|\.)commit$", name))


STATEMENT = re.compile(
    r"\b(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|MERGE\s+INTO\s|SET\s+LOCAL\s|COPY\s+\w+\s"
    r"|(CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE)\s+[A-Z])"
)
BUILDERS = re.compile(r"sqlalchemy(\.\w+)*\.(text|select|insert|update|delete|literal_column)|psycopg\.sql(\.\w+)*")


def sql_is_kept_together(path: str, tree: ast.Module) -> Iterator[Fault]:
    """All SQL on patient data is in store/, who reaches whom in access/reach.py: to be read and reviewed in one place."""
    if path.startswith(SQL_PLACES):
        return
    yield from ((line, "holds SQL") for line, text in texts(tree) if STATEMENT.search(text))
    yield from ((line, f"imports {name}") for line, name in imports(tree) if BUILDERS.fullmatch(name))
    yield from ((line, f"calls {name}") for line, name in calls(tree) if re.fullmatch(r"(sa|sqlalchemy)\.\w+", name))


def stores_take_a_grant(path: str, tree: ast.Module) -> Iterator[Fault]:
    """Every function that touches patient data takes the grant it works under: what only the gate can make."""
    if not path.startswith("store/") or path in NO_PATIENTS:
        return
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [ast.unparse(argument.annotation) for argument in arguments if argument.annotation]
        touches = any(re.search(r"\bTransaction\b", annotation) for annotation in annotations)
        granted = any(re.search(r"\b(Ledger)?Grant\b", annotation) for annotation in annotations)
        name = f"{path.removeprefix('store/').removesuffix('.py')}.{node.name}"
        if touches and not granted and name not in WITHOUT_GRANT:
            yield node.lineno, f"{node.name} takes no Grant"


CLOCKS = re.compile(r"(.*\.)?(datetime\.(now|utcnow|today)|date\.today|time\.time(_ns)?|uuid[14])")


def one_clock(path: str, tree: ast.Module) -> Iterator[Fault]:
    """Time and ids come from ids.py, so that they can be reasoned about, and set in a test, in one place."""
    if path not in CLOCK_PLACES:
        yield from ((line, f"calls {name}") for line, name in calls(tree) if CLOCKS.fullmatch(name))
        hidden = re.compile(r"time\.time(_ns)?|uuid\.uuid[14]")
        yield from ((line, f"imports {name}") for line, name in imports(tree) if hidden.fullmatch(name))


def no_relationships(path: str, tree: ast.Module) -> Iterator[Fault]:
    """Tables hold columns and constraints only: an attribute that loads rows by itself would pass the gate by."""
    yield from ((line, "calls relationship") for line, name in calls(tree) if re.search(r"(^|\.)relationship$", name))


def no_module_level_app(path: str, tree: ast.Module) -> Iterator[Fault]:
    """An application is made from settings by create_app; importing a module opens nothing."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            name = dotted(node.value.func)
            if re.search(r"(^|\.)(FastAPI|Starlette|create_app|create_async_engine|make_engine|Settings)$", name):
                yield node.lineno, f"calls {name} on import"


RULES: list[Rule] = [
    nobody_commits,
    sql_is_kept_together,
    stores_take_a_grant,
    one_clock,
    no_relationships,
    no_module_level_app,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    broken = []
    for file in sorted(SOURCE.rglob("*.py")):
        path = file.relative_to(SOURCE).as_posix()
        broken += [f"{path}:{line} {what}" for line, what in rule(path, ast.parse(file.read_text(encoding="utf-8")))]
    assert not broken, f"{rule.__doc__}\n" + "\n".join(broken)


BREAKING: list[tuple[Rule, str, str]] = [
    (nobody_commits, "actions/patients.py", "async def f(tx):\n    await tx.commit()"),
    (nobody_commits, "store/patients.py", "def f(s):\n    return s.connection().commit()"),
    (sql_is_kept_together, "api/patients.py", "Q = 'SELECT 1 FROM patients'"),
    (sql_is_kept_together, "api/patients.py", "Q = f'DELETE FROM {table}'"),
    (sql_is_kept_together, "actions/patients.py", "def f():\n    return 'UPDATE patients SET x = 1'"),
    (sql_is_kept_together, "access/gate.py", "Q = '''\nINSERT INTO audit_events VALUES (1)'''"),
    (sql_is_kept_together, "access/gate.py", "Q = 'SET LOCAL renkei.patient_ids = 1'"),
    (sql_is_kept_together, "actions/patients.py", "from sqlalchemy import select"),
    (sql_is_kept_together, "actions/patients.py", "from sqlalchemy.dialects.postgresql import insert"),
    (sql_is_kept_together, "actions/patients.py", "from psycopg import sql"),
    (sql_is_kept_together, "actions/patients.py", "import sqlalchemy as sa\nQ = sa.text('x')"),
    (stores_take_a_grant, "store/records.py", "async def load(tx: Transaction, patient_id: UUID): ..."),
    (stores_take_a_grant, "store/records.py", "def load(tx: Transaction, grant: 'Granted'): ..."),
    (one_clock, "actions/patients.py", "def f():\n    return datetime.now(UTC)"),
    (one_clock, "actions/patients.py", "import datetime as d\nd.datetime.utcnow()"),
    (one_clock, "actions/patients.py", "x = date.today()"),
    (one_clock, "worker/seal.py", "import time\ntime.time()"),
    (one_clock, "worker/seal.py", "from time import time"),
    (one_clock, "store/records.py", "from uuid import uuid4"),
    (one_clock, "store/records.py", "x = uuid.uuid4()"),
    (no_relationships, "tables/records.py", "x = relationship('Patient')"),
    (no_relationships, "tables/records.py", "import sqlalchemy.orm as orm\nx = orm.relationship('Patient')"),
    (no_module_level_app, "main.py", "app = FastAPI()"),
    (no_module_level_app, "main.py", "app: FastAPI = renkei.main.create_app(settings)"),
]


@pytest.mark.parametrize(("rule", "path", "code"), BREAKING)
def test_a_breaking_sample_is_found(rule: Rule, path: str, code: str) -> None:
    assert list(rule(path, ast.parse(code)))


KEEPING: list[tuple[Rule, str, str]] = [
    (nobody_commits, "database.py", "def f(c):\n    c.commit()"),
    (nobody_commits, "actions/patients.py", "def f(tx):\n    tx.later('x')"),
    (sql_is_kept_together, "store/patients.py", "Q = 'SELECT 1 FROM patients'"),
    (sql_is_kept_together, "api/patients.py", '"""SELECT in a docstring."""'),
    (sql_is_kept_together, "api/patients.py", "X = 'Select a patient, then update the set'"),
    (stores_take_a_grant, "store/records.py", "async def load(tx: Transaction, grant: Grant): ..."),
    (stores_take_a_grant, "store/records.py", "async def load(tx: Transaction, grants: Sequence[Grant]): ..."),
    (stores_take_a_grant, "store/records.py", "def _row(tx: Transaction): ...\ndef pure(x: int): ..."),
    (one_clock, "ids.py", "x = datetime.now(UTC)"),
    (one_clock, "actions/patients.py", "from renkei.ids import now\nx = now()\ntime.monotonic()"),
    (no_relationships, "tables/records.py", "relation = 'child'"),
    (no_module_level_app, "main.py", "def create_app(settings):\n    return FastAPI()"),
]


@pytest.mark.parametrize(("rule", "path", "code"), KEEPING)
def test_a_keeping_sample_is_left_alone(rule: Rule, path: str, code: str) -> None:
    assert not list(rule(path, ast.parse(code)))


def test_every_rule_has_samples() -> None:
    assert {rule for rule, _, _ in BREAKING} == set(RULES) == {rule for rule, _, _ in KEEPING}


def too_long(files: dict[str, int]) -> list[str]:
    return [f"{path}: {lines} lines" for path, lines in files.items() if lines > LONGEST_FILE]


def test_no_exemption_outlives_its_function() -> None:
    for name in WITHOUT_GRANT:
        module, function = name.split(".")
        tree = ast.parse((SOURCE / "store" / f"{module}.py").read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("path", NO_PATIENTS)
def test_a_store_without_grants_names_no_patient(path: str) -> None:
    tree = ast.parse((SOURCE / path).read_text(encoding="utf-8"))
    assert [line for line, text in texts(tree) if "patient" in text] == []


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    assert SOURCE / "ids.py" in FILES
    read = [file for file in FILES if file.parts[-3:-1] != ("migrations", "versions")]
    assert too_long({str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in read}) == []


def test_a_long_file_is_found() -> None:
    assert too_long({"a.py": LONGEST_FILE, "b.py": LONGEST_FILE + 1}) == ["b.py: 301 lines"]


SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no \w+)\S*[ A-Z0-9,]*")


def unexplained(text: str) -> list[str]:
    """Lines that silence a checker without a reason beside it."""
    parts = ((line, SILENCED.split(line)) for line in text.splitlines())
    return [line for line, (_, *after) in parts if after and len(after[-1].strip(" -—#")) < 8]


def test_whoever_silences_a_checker_says_why() -> None:
    assert {str(file): lines for file in FILES if (lines := unexplained(file.read_text(encoding="utf-8")))} == {}


MARKS = ("noqa", "noqa: S603", "noqa: S603, S607", "type: ignore", "type: ignore[no-any-return]", "pragma: no cover")


@pytest.mark.parametrize("mark", [*MARKS, "  # ".join(MARKS)])
def test_a_silent_silencing_is_found(mark: str) -> None:
    assert unexplained(f"x = 1  # {mark}") == [f"x = 1  # {mark}"]
    assert unexplained(f"x = 1  # {mark} - the arguments are ours") == []
