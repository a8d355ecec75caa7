"""Events as lines for COPY, and the order in which their keys are taken."""

import pytest

from metering.domain.event_batch import EventBatch
from metering.store.events import escaped, first_rows, joined, lines_of


def batch(*keys: tuple[str, str]) -> EventBatch:
    """Events with these customers and keys."""
    count = len(keys)
    return EventBatch(
        customer_ids=[customer for customer, _ in keys],
        event_names=["departed"] * count,
        idempotency_keys=[key for _, key in keys],
        resource_ids=["JFK"] * count,
        times=list(range(count)),
        dimensions=[{}] * count,
        dimension_texts=['{"a":"\\\\"}'] * count,
    )


def test_an_event_is_a_line() -> None:
    lines = lines_of(batch(("UA", "a\tb\\")))
    assert lines.keys == ["UA\ta\\tb\\\\"]
    assert lines.events == ['UA\ta\\tb\\\\\t0\tdeparted\tJFK\t{"a":"\\\\\\\\"}\n']


def test_of_a_repeated_key_the_first_event_is_let_in() -> None:
    several = joined(
        [lines_of(batch(("UA", "2"), ("UA", "1"), ("UA", "2"))), lines_of(batch(("AA", "3"), ("UA", "1")))]
    )
    assert len(several) == 5
    assert first_rows(several) == [3, 1, 0]


def test_the_order_of_keys_does_not_depend_on_how_they_came() -> None:
    keys = [("UA", "\n"), ("UA", "A"), ("UA", "\\"), ("U", "z"), ("UA.", "a"), ("UA", "é"), ("UA", "\U0010ffff")]
    orders = []
    for arranged in (keys, keys[::-1], keys[3:] + keys[:3]):
        lines = lines_of(batch(*arranged))
        orders.append([lines.keys[row] for row in first_rows(lines)])
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é", "plain é"),
        ("a\\N", "a\\\\N"),
        ("\t\r\n", "\\t\\r\\n"),
        ("\x7f\u2028", "\x7f\u2028"),
        ("\\.", "\\\\."),
    ],
)
def test_what_copy_would_take_otherwise_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected
