"""A wrong environment is explained at once, variable by variable."""

import pytest

from kit.settings import ServiceSettings, SettingsError, load

RIGHT = {
    "TOLLKEEPER_DATABASE_URL": "postgresql+psycopg://me@host:5432/catalog",
    "TOLLKEEPER_NATS_URL": "nats://host:4222",
    "TOLLKEEPER_LISTEN": "127.0.0.1:7401",
}


def _environment(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> None:
    for name, value in (RIGHT | changes).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)


def test_a_right_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, TOLLKEEPER_POOL_SIZE="7")
    settings = load(ServiceSettings)
    assert (settings.listen, settings.pool_size) == ("127.0.0.1:7401", 7)


def test_every_mistake_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"TOLLKEEPER_DATABASE_URL": "mysql://x", "TOLLKEEPER_LISTEN": "7401", "TOLLKEEPER_POOL_SIZE": "0"}
    _environment(monkeypatch, TOLLKEEPER_NATS_URL=None, **wrong)
    with pytest.raises(SettingsError) as refused:
        load(ServiceSettings)
    text = str(refused.value)
    assert "TOLLKEEPER_NATS_URL is not set" in text
    for name, value in wrong.items():
        assert f"{name}={value!r} is wrong" in text


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql+psycopg://h", "nonsense", ""])
def test_a_database_url_needs_driver_and_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    _environment(monkeypatch, TOLLKEEPER_DATABASE_URL=url)
    with pytest.raises(SettingsError, match=r"postgresql\+psycopg://"):
        load(ServiceSettings)
