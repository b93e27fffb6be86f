"""docker-compose.yml, .env.example and the settings say the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from renkei.settings import Settings

ROOT = Path(__file__).parents[1]
EXPLAINED = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE_TEXT)["services"])


def test_every_setting_is_explained_and_no_other() -> None:
    ours = {name for name in EXPLAINED if name.startswith("RENKEI_") and not name.endswith("_PASSWORD")}
    assert ours == {f"RENKEI_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_value_shown_is_the_one_that_holds(name: str) -> None:
    default = Settings.model_fields[name].default
    assert default is not PydanticUndefined, "a setting without default would stop the demo"
    shown = EXPLAINED[f"RENKEI_{name.upper()}"]
    if default is None:
        assert shown == "" or "PASSWORD@" in shown
    else:
        assert shown == str(default)


def test_each_line_is_explained_in_words() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?[A-Z_]+=", line):
            before = lines[number - 1]
            assert re.match(r"# \S", before) or re.match(r"#?[A-Z_]+=", before), line


def test_compose_asks_for_no_variable_that_is_not_explained() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))
    assert asked
    assert asked <= set(EXPLAINED)


def test_compose_defaults_are_those_of_the_settings() -> None:
    for name, value in re.findall(r"\$\{RENKEI_([A-Z_]+):-([^}]*)\}", COMPOSE_TEXT):
        assert value == str(Settings.model_fields[name.lower()].default), name


ON_ONE_MACHINE = {"data_dir", "host", "port", "limits_file", "owner_database_url"}
"""Said by the image, made by ``renkei serve``, or for ``renkei migrate`` alone."""


def test_every_setting_of_the_file_reaches_service_or_worker(services: dict[str, Any]) -> None:
    given = {name for service in ("service", "worker") for name in services[service]["environment"]}
    assert set(Settings.model_fields) - ON_ONE_MACHINE <= {name.removeprefix("RENKEI_").lower() for name in given}


def test_only_migrate_knows_the_owner(services: dict[str, Any]) -> None:
    knowing = {name for name, service in services.items() if "renkei_owner:" in str(service.get("environment"))}
    assert knowing == {"migrate"}


def test_each_service_gets_only_settings_that_exist(services: dict[str, Any]) -> None:
    for name in ("migrate", "service", "worker"):
        given = services[name]["environment"]
        assert {key.removeprefix("RENKEI_").lower() for key in given} <= set(Settings.model_fields), name


def test_nothing_is_published_beyond_this_machine(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_are_not_shown_when_settings_are_printed() -> None:
    hidden = {"database_url", "worker_database_url", "owner_database_url", "metrics_token", "bucket_secret_key"}
    settings = Settings.model_validate(dict.fromkeys(hidden, SecretStr("postgresql://u:pa55word@h/d")))
    assert "pa55word" not in repr(settings)
