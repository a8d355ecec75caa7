"""How the environment says how money is collected, and how its mistakes are told."""

from datetime import timedelta

import pytest

from billing.collection_settings import CollectionSettings
from billing.domain.collection import CollectionTerms, FinalAction
from kit.settings import SettingsError, load

NEEDED = {
    "DATABASE_URL": "postgresql+psycopg://me@localhost:5432/billing",
    "NATS_URL": "nats://localhost:4222",
    "LISTEN": "127.0.0.1:0",
}


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> CollectionSettings:
    for name, value in (NEEDED | variables).items():
        monkeypatch.setenv(f"TOLLKEEPER_{name}", value)
    return load(CollectionSettings)


def test_without_a_key_there_is_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch)
    assert read.stripe_secret_key.get_secret_value() == ""
    assert read.collection_terms == CollectionTerms((1, 3, 5, 7), FinalAction.CANCEL_SUBSCRIPTION, timedelta(hours=23))


def test_terms_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        PAYMENT_RETRY_DAYS=" 2, 4,30",
        PAYMENT_FINAL_ACTION="LEAVE_PAST_DUE",
        FIRST_PAYMENT_HOURS="48",
        STRIPE_SECRET_KEY="sk_live_1",  # noqa: S106 - a key of nothing.
    )
    assert read.collection_terms == CollectionTerms((2, 4, 30), FinalAction.LEAVE_PAST_DUE, timedelta(hours=48))
    assert read.stripe_secret_key.get_secret_value() == "sk_live_1"
    assert "sk_live_1" not in repr(read)


def test_no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, PAYMENT_RETRY_DAYS="").payment_retry_days == ()


@pytest.mark.parametrize("days", ["1;3", "3,1", "0", "-1", "1.5", "1,,3", "999999999999", "²"])
def test_a_wrong_schedule_is_explained(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    with pytest.raises(SettingsError, match=r"TOLLKEEPER_PAYMENT_RETRY_DAYS=.* is wrong: .*1,3,5,7|at most 90"):
        settings(monkeypatch, PAYMENT_RETRY_DAYS=days)


def test_every_mistake_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(
            monkeypatch,
            PAYMENT_FINAL_ACTION="SHRUG",
            FIRST_PAYMENT_HOURS="0",
            STRIPE_API_BASE="ftp://x",
            STRIPE_SECRET_KEY="sk_live_1",  # noqa: S106 - likewise.
            WEBHOOK_LISTEN="nowhere",
        )
    text = str(caught.value)
    for name in ("PAYMENT_FINAL_ACTION", "FIRST_PAYMENT_HOURS", "STRIPE_API_BASE", "WEBHOOK_LISTEN"):
        assert f"TOLLKEEPER_{name}" in text
    assert "sk_live_1" not in text
