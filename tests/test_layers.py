"""The import contracts themselves: that a step up, a step sideways and a module in no layer are found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def contracts(root: Path) -> tuple[int, str]:
    """lint-imports on a copy of the sources: its exit code and report."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    done = subprocess.run(command, cwd=root, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=False)  # noqa: S603 - a command of this file
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "static", "data", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        ("ids.py", "import renkei.actions", "renkei.ids is not allowed to import renkei.actions"),
        ("pages/api_docs.py", "import renkei.api", "renkei.pages is not allowed to import renkei.api"),
        ("store/a.py", "import renkei.store.changes", "renkei.store.a is not allowed to import renkei.store.changes"),
        ("stray.py", "", "renkei.stray"),
    ],
)
def test_a_broken_contract_is_found(copy: Path, path: str, line: str, found: str) -> None:
    with (copy / "src/renkei" / path).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    code, report = contracts(copy)
    assert code != 0
    assert found in report.replace("renkei.pages.api_docs", "renkei.pages")
