# All that a newcomer needs, on a machine with make and Python 3.11 or later:
#
#   make demo          a fictional region on http://127.0.0.1:8000 (RENKEI_PORT, RENKEI_DATA_DIR); Ctrl-C ends it, the data stay
#   make test          all tests but those in a browser
#   make check         style, types, import layers
#   make coverage      all tests again, half as slow: which branches of access and schemas nobody has tried
#   make browser       the tests in a real Chromium
#   make bench         speed beside its limit, in one run
#   make torture       killed, cut off and starved under load: what is lost (minutes; as root also with a full disk)
#   make nightly       what takes long: coverage, 20,000 random states of access, 200 linked pairs, hidden and absent patients timed, a million events verified
#   make mutants       small changes to the code that decides who may: whether a test notices each
#   make constraints   takes the newest releases of all dependencies into constraints.txt
#   make clean         removes everything made here, the demo's data too

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test coverage check browser bench torture nightly mutants constraints clean
help:
	@sed -n 's/^#   //p' Makefile

# One environment, two stamps: `demo` needs a quarter of the downloads of `dev`, so a bare clone is up within a minute; `dev` adds
# to it. A stamp is made anew only when what it depends on has changed.
.venv/.%-installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "renkei needs Python 3.11 or later; choose one with PYTHON=...")'
	@test -x $(BIN)/pip || { rm -rf .venv && $(PYTHON) -m venv .venv; } || { rm -rf .venv; exit 1; }
	@echo "Installing into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

# exec: the server itself gets the terminal's Ctrl-C, with no shell between that would end before it.
demo: .venv/.demo-installed
	@exec $(BIN)/renkei demo

# Each worker process may start a server of its own: more than eight would only wait for the disk. The slowest tests take half a
# minute: who has none left takes over from who has.
test: .venv/.dev-installed
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist worksteal -m 'not browser'

coverage: .venv/.dev-installed
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist worksteal -m 'not browser' --cov

check: .venv/.dev-installed
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@echo "Checks passed."

browser: .venv/.dev-installed
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || $(MAKE) --no-print-directory .chromium
	@$(BIN)/python -m pytest -q -m browser

.PHONY: .chromium
.chromium:
	@command -v apt-get > /dev/null && test "$$(id -u)" = 0 || { echo "Please install Chromium or Chrome first (on Debian, as root: apt-get install chromium)." >&2; exit 1; }
	@echo "Installing Chromium ..."
	@export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium > /dev/null

bench: .venv/.dev-installed
	@$(BIN)/python -m bench

torture: .venv/.dev-installed
	@$(BIN)/python -m bench.torture

# Each prints its figures (docs/security.md). An hour or two on two cores.
nightly: coverage
	@RENKEI_ACCESS_STEPS=20000 $(BIN)/python -m pytest -q -rP -n 2 tests/access/test_state_machine.py
	@RENKEI_EVERY_STATE=1 $(BIN)/python -m pytest -q -rP tests/access/test_every_profession.py -k members
	@RENKEI_LINKED_PAIRS=200 $(BIN)/python -m pytest -q -rP -n 2 tests/access/test_linked_states.py
	@$(BIN)/python -m bench.hidden
	@$(BIN)/python -m bench.passwords
	@$(BIN)/python -m bench.verify

# One cluster for a thousand short runs, kept from one mutant to the next. First mutmut makes the mutants, with one tried for show;
# then each is tried in one process (bench/mutants.py), decisions first, and what has no verdict there, mutmut tries in a process of
# its own. Who died is not tried again until the function has changed; `mutmut results` and `mutmut show <name>` tell of survivors.
MUTANTS := build/mutants
mutants: .venv/.dev-installed
	@mkdir -p -m 711 $(MUTANTS)
	@export PATH="$$PWD/$(BIN):$$PATH" RENKEI_TEST_CLUSTER="$$PWD/$(MUTANTS)"; mutmut run $(FIRST_MUTANT) > /dev/null; \
	  python -m bench.mutants 3 30; mutmut run > /dev/null; python -m bench.mutants; \
	  python -c "$$REMOVE_MUTANTS_CLUSTER"; mutmut results
FIRST_MUTANT := renkei.access.refusals.x_own_matter__mutmut_1

define REMOVE_MUTANTS_CLUSTER
from pathlib import Path
from renkei.embedded import EmbeddedPostgres
EmbeddedPostgres(Path("$(MUTANTS)")).remove()
Path("$(MUTANTS)/ready").unlink(missing_ok=True)
endef
export REMOVE_MUTANTS_CLUSTER

constraints:
	@rm -rf build/constraints
	@$(PYTHON) -m venv build/constraints
	@build/constraints/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@{ sed '/^[^#]/,$$d' constraints.txt; build/constraints/bin/python -m pip freeze --exclude-editable; } > constraints.new
	@mv constraints.new constraints.txt
	@rm -rf build/constraints

# As root the cluster may lie elsewhere (decision 0001), and a running one must not lose its files.
define REMOVE_CLUSTER
from pathlib import Path
from renkei.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(".demo"))
if server.running():
    raise SystemExit("The demo is running: end it with Ctrl-C first.")
server.remove()
endef
export REMOVE_CLUSTER

clean:
	@test ! -e .demo/postgres || test ! -x $(BIN)/python || $(BIN)/python -c "$$REMOVE_CLUSTER"
	@rm -rf .demo .venv build mutants src/*.egg-info bench/out
	@rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	@find src tests bench migrations -name __pycache__ -type d -prune -exec rm -rf {} + 2> /dev/null || true
