"""What a service offers on the command line beside serving and migrating."""

import sys
from pathlib import Path

import pytest

from kit.command_line import main
from kit.settings import ServiceSettings

USAGE = "usage: python -m toll serve | migrate | count"
ENVIRONMENT = {
    "TOLLKEEPER_DATABASE_URL": "postgresql+psycopg://user@host:5432/toll",
    "TOLLKEEPER_NATS_URL": "nats://host:4222",
    "TOLLKEEPER_LISTEN": "127.0.0.1:0",
}
COUNT = """
import sys
from kit.settings import StartError

def arguments(words):
    if "?" in words:
        sys.exit(2)
    return words

def run(settings, words):
    if words == ["away"]:
        raise StartError("nobody is there.")
    return len(words) if settings.database_url.endswith("/toll") else -1
"""


@pytest.fixture(autouse=True)
def toll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with a command of its own."""
    (tmp_path / "toll").mkdir()
    (tmp_path / "toll" / "__init__.py").touch()
    (tmp_path / "toll" / "count.py").write_text(COUNT)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("toll", "toll.count"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)


def status(monkeypatch: pytest.MonkeyPatch, *words: str, further: tuple[str, ...] = ("count",)) -> object:
    """Runs the command line; what the process ends with."""
    monkeypatch.setattr(sys, "argv", ["toll", *words])
    with pytest.raises(SystemExit) as ended:
        main("toll", ServiceSettings, further=further)
    return ended.value.code


@pytest.mark.parametrize("words", [(), ("nothing",), ("serve", "now"), ("migrate", "--dry-run")])
def test_what_is_not_offered_is_told_how_to_use(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    assert status(monkeypatch, *words) == USAGE


def test_a_service_without_further_commands_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, "count", further=()) == "usage: python -m toll serve | migrate"


@pytest.mark.parametrize(
    ("words", "ends"), [((), 0), (("a", "--b"), 2), (("away",), "toll: nobody is there."), (("serve",), 1)]
)
def test_a_further_command_has_words_settings_and_a_status(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], ends: object
) -> None:
    assert status(monkeypatch, "count", *words) == ends


def test_how_to_use_it_is_told_without_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLKEEPER_DATABASE_URL")
    assert status(monkeypatch, "count", "?") == 2
    assert "TOLLKEEPER_DATABASE_URL is not set" in str(status(monkeypatch, "count"))
