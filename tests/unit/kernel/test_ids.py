"""What an id may look like, fresh ids, and subject tokens."""

import re
import time

import pytest

from kernel.errors import TollkeeperError
from kernel.ids import check_id, new_id, subject_token


@pytest.mark.parametrize("value", ["a", "7", "Customer-1", "a.b|c:d@e_f-g", "x" * 128])
def test_accepts_ids(value: str) -> None:
    assert check_id(value, "customer_id") == value


@pytest.mark.parametrize(
    "value", ["", "x" * 129, "_a", "-a", ".a", "a b", "a/b", "a\n", "é", "a\x00", "\ud800", "a*", "a>"]
)
def test_refuses_other_texts(value: str) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        check_id(value, "events[3].customer_id")
    assert refusal.value.violations[0].path == "events[3].customer_id"


def test_new_ids_are_ids_that_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for millisecond in (0, 1, 31, 32, 1_767_225_600_000, 2**48 - 1):
        monkeypatch.setattr(time, "time_ns", lambda at=millisecond: at * 1_000_000)
        ids.append(new_id("sub"))
    assert ids == sorted(ids)
    assert all(re.fullmatch(r"sub_[0-9a-hjkmnp-tv-z]{26}", check_id(value, "id")) for value in ids)


def test_new_ids_differ() -> None:
    assert len({new_id("inv") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("prefix", ["", "Sub", "sub_", "1sub", "s" * 17, "é"])
def test_a_prefix_is_a_short_word(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_id(prefix)


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("plain-ID_7", "plain-ID_7"),
        ("a.b", "a%2Eb"),
        ("a@b|c:d", "a%40b%7Cc%3Ad"),
        ("a b*>", "a%20b%2A%3E"),
        ("50%", "50%25"),
        ("é", "%C3%A9"),
    ],
)
def test_a_subject_token_is_percent_encoded(value: str, token: str) -> None:
    assert subject_token(value) == token
