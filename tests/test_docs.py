"""What the documents say is so: routes, problems, words, settings, commands, links."""

import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from renkei import vocabulary
from renkei.access.policy import default_rows
from renkei.cli import HELP
from renkei.errors import FAULT_MESSAGES, RenkeiError
from renkei.main import ROUTERS, create_app
from renkei.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
HTTP = (DOCS / "http.md").read_text(encoding="utf-8")
WORDS = (DOCS / "words.md").read_text(encoding="utf-8")
ANYWHERE = {"401", "405", "422", "429", "500", "503"}
WITH_BODY = {"400", "413", "415"}
OUTSIDE = {("GET", "/openapi.json"), ("GET", "/docs")}
ROWS = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in HTTP.splitlines() if line[:1] == "|"]
ROUTES = {
    tuple(found.groups()): (row[1].strip("`"), set(row[2].split(", ")))
    for row in ROWS
    if (found := re.fullmatch(r"`(GET|POST|PUT|PATCH|DELETE) (/\S+)`", row[0]))
}
"""(method, path) → the act, and the answers the page names."""


def served() -> dict[tuple[str, str], str]:
    """(method, path) → name of every route behind a door."""
    routes = [route for door in ROUTERS for route in door.router.routes if isinstance(route, APIRoute)]
    return {(method, route.path): route.name for route in routes for method in route.methods}


def test_every_route_is_described_and_no_other() -> None:
    assert set(ROUTES) - OUTSIDE == set(served())


def test_each_route_asks_for_the_act_the_page_names() -> None:
    acts = {str(permission) for permission in vocabulary.Permission}
    told = {route: act for route, (act, _) in ROUTES.items() if route not in OUTSIDE}
    assert {route: act for route, act in told.items() if act in acts} == {
        route: name for route, name in served().items() if name in acts
    }
    assert {act for act in told.values() if act not in acts} == {"–", "any token"}


def test_the_page_and_the_openapi_document_name_the_same(tmp_path: Path) -> None:
    settings = Settings(database_url=SecretStr("postgresql://nobody@127.0.0.1/nothing"), data_dir=tmp_path)
    described = create_app(settings).openapi()["paths"]
    operations = {(method.upper(), path): o for path, methods in described.items() for method, o in methods.items()}
    hidden = {("GET", path) for path in ("/healthz", "/readyz", "/metrics")}
    assert set(operations) == set(ROUTES) - OUTSIDE - hidden
    for route, operation in operations.items():
        body = WITH_BODY if "requestBody" in operation else set()
        assert set(operation["responses"]) <= ROUTES[route][1] | ANYWHERE | body, route


def errors(kind: type[RenkeiError] = RenkeiError) -> Iterator[type[RenkeiError]]:
    for one in kind.__subclasses__():
        yield one
        yield from errors(one)


def test_every_problem_type_stands_with_status_and_titles() -> None:
    told = {tuple(row[:4]) for row in ROWS if len(row) == 5 and re.fullmatch(r"[45]\d\d", row[0])}
    assert told == {(str(error.status), f"`{error.kind}`", *error.title) for error in errors()}


def test_every_fault_code_stands_with_both_messages() -> None:
    start = HTTP.index("### Faults")
    told = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", HTTP[start:], re.MULTILINE)
    assert {code: (ja, en) for code, ja, en in told} == dict(FAULT_MESSAGES)


def test_every_reason_of_a_refusal_is_named() -> None:
    conflicts = set()
    for file in (ROOT / "src").rglob("*.py"):
        conflicts |= set(re.findall(r'Conflict\("(\w+)"', file.read_text(encoding="utf-8")))
    forbidden, conflict = HTTP[HTTP.index("### 403") :].split("### Faults")[0].split("### 409")
    assert conflicts == set(re.findall(r"^\| `(\w+)` \|", conflict, re.MULTILINE)) - {"reason_code"}
    first_cells = " ".join(re.findall(r"^\| (`.+?) \|", forbidden, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first_cells)) - {"reason_code"} == set(vocabulary.Reason)


LISTS: list[tuple[type[StrEnum], str]] = [
    (vocabulary.Basis, "bases of a tie"),
    (vocabulary.Reason, "reasons"),
    (vocabulary.Scope, "scopes"),
    (vocabulary.Office, "offices"),
    (vocabulary.ConsentForm, "forms of consent"),
    (vocabulary.Part, "parts"),
    (vocabulary.OrganizationKind, "kinds of organization"),
    (vocabulary.IdentifierSystem, "systems of identifiers"),
]


@pytest.mark.parametrize(("kind", "heading"), LISTS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_glossary_lists_every_code(kind: type[StrEnum], heading: str) -> None:
    (section,) = [part for part in WORDS.split("\n## ") if part.splitlines()[0].endswith(f"— {heading}")]
    assert re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)[-len(kind) :] == [str(code) for code in kind]


def test_the_admins_guide_names_who_may_record_consents() -> None:
    guide = (DOCS / "admins.md").read_text(encoding="utf-8")
    (line,) = [line for line in guide.splitlines() if line.startswith("本人情報(基本)を書ける職種は")]
    told = set(line.split("は、初期設定では")[1].removesuffix("です。").split("、"))
    table = (DOCS / "permissions.md").read_text(encoding="utf-8")
    name = dict(re.findall(r"^\| (\S+) \| `(\w+)` \|", table, re.MULTILINE))
    may = {str(p) for p, row in default_rows().items() if "w" in row["person_basic"]} - {"system"}
    assert {name[one] for one in told} == may


def test_every_setting_is_explained_to_operators_with_its_default() -> None:
    page = (DOCS / "operators.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `RENKEI_([A-Z_]+)` \| (.+?) \|", page, re.MULTILINE))
    assert set(told) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = told[name.upper()]
        assert shown in (("–", "as `RENKEI_DATABASE_URL`") if field.default is None else (f"`{field.default}`",)), name


def named(text: str) -> set[str]:
    """The settings a text speaks of."""
    return set(re.findall(r"\bRENKEI_[A-Z_]+\b", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_a_setting_that_is_not_there(page: Path) -> None:
    explained = named((ROOT / ".env.example").read_text(encoding="utf-8"))
    assert {f"RENKEI_{name.upper()}" for name in Settings.model_fields} <= explained
    assert named(page.read_text(encoding="utf-8")) <= explained | {
        "RENKEI_ACCESS_STEPS",
        "RENKEI_EVERY_STATE",
        "RENKEI_LINKED_PAIRS",
    }  # how long tests are to be


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(
        re.findall(r"`([^`\n]+)`", text) + re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    )
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^(?:.*&& )?make ([a-z]+)", code, re.MULTILINE)) <= targets
    assert set(re.findall(r"(?:^|&& |service )renkei ([a-z]+)", code, re.MULTILINE)) <= set(HELP)
    assert set(re.findall(r"python -m ([a-z.]+)", code)) <= {
        "renkei.access.page",
        "renkei.catalogue.page",
        "bench",
        "bench.bombs",
        "bench.hidden",
        "bench.passwords",
        "bench.imports",
        "bench.patterns",
        "bench.throttle",
        "bench.torture",
        "bench.verify",
        "bench.webhooks",
        "pytest",
    }


def anchors(page: Path) -> set[str]:
    """What a link may name on a page: its headings as a forge spells them, and anchors of its own."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    spelt = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return spelt | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        assert "://" not in link, f"{link} leads out of the project"
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_package_that_is_needed_to_run_is_named_with_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    needed = {re.split(r"[^\w-]", one)[0] for one in (*project["dependencies"], *optional["s3"], *optional["demo"])}
    page = (DOCS / "third-party.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9, ()`-]+) \| [\w., -]+ \| .+ \|$", page[page.index("## Installed") :], re.MULTILINE)
    named = {name.split(" ")[0] for row in rows for name in row.split(", ")}
    assert named - {"package"} == needed
