"""Page tokens belong to the list and the filters that returned them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import TollkeeperError
from kit.paging import next_token, page_of


def test_a_token_continues_after_the_last_key() -> None:
    first = page_of(0, "", filters=["a"])
    assert (first.size, first.after) == (100, ())
    second = page_of(5, next_token(first, ["k", "7"]), filters=["a"])
    assert (second.size, second.after) == (5, ("k", "7"))


@pytest.mark.parametrize("size", [-1, 1_001])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(TollkeeperError, match="page_size"):
        page_of(size, "")


def test_a_token_of_other_filters_is_refused() -> None:
    token = next_token(page_of(1, "", filters=["a"]), ["k"])
    with pytest.raises(TollkeeperError) as refused:
        page_of(1, token, filters=["b"])
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize("key", ["\0", "a\0b", "\ud800"])
def test_a_forged_token_brings_no_text_that_a_database_refuses(key: str) -> None:
    token = next_token(page_of(1, ""), [key])
    with pytest.raises(TollkeeperError) as refused:
        page_of(1, token)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"


@given(st.text(min_size=1, max_size=200))
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        page_of(1, token)
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
