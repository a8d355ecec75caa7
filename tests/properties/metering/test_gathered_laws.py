"""The law of what is gathered: the same events come to the same, in any order and cut into any parts."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from metering.domain.gathered import Dated, Gathered, Reading, gather, is_gathered, together, value_of
from metering.domain.meter import Aggregation
from tests.properties.metering.strategies import numbers, texts

dated = st.builds(Dated, st.integers(0, 3), texts, numbers)


@given(
    st.sampled_from([one for one in Aggregation if is_gathered(one)]),
    st.lists(dated, min_size=1, max_size=30, unique_by=lambda one: one.key),
    st.integers(0, 2**32),
)
def test_order_and_parts_do_not_matter(aggregation: Aggregation, events: list[Dated], seed: int) -> None:
    readings: list[Reading] = [one if aggregation is Aggregation.LATEST else one.number for one in events]
    whole = gather(aggregation, readings)
    random = Random(seed)
    random.shuffle(readings)
    found: Gathered | None = None
    while readings:
        size = random.randint(1, len(readings))
        found = together(aggregation, found, gather(aggregation, readings[:size]))
        readings = readings[size:]
    assert found == whole
    assert value_of(aggregation, found) == value_of(aggregation, whole)
