"""Values, events and meters as callers may choose them."""

from decimal import Decimal

from hypothesis import strategies as st

from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Dimensions,
    Equals,
    Filter,
    HasText,
    In,
    IsSet,
    Meter,
    NotEquals,
    Part,
)
from metering.domain.value import DimensionValue, number_of_decimal

# Few names and values, so that they meet.
FIELDS = ("a", "b", 'odd "\\\n name')

decimals = st.one_of(
    st.integers(-3, 3),
    st.integers(-(10**18) + 1, 10**18 - 1),
    st.decimals(-3, 3, places=1).map(number_of_decimal),
    st.decimals(-(10**6), 10**6, places=12).map(number_of_decimal),
)
# Only a double reaches further down.
numbers = decimals | st.just(Decimal("1E-30"))
# Among them what means something in a pattern of SQL, letters of one, two and four bytes, and one that is written in two ways.
SNIPPETS = ("%", "_", "\\", "'", '"', "\n", "a", "A", "é", "e\u0301", "ß", "ss", "\U0001f6eb", " ", "1", "null")
texts = st.one_of(
    st.sampled_from(["", "1", "1.5", "true", "x", "n:1", "é" * 60, "y" * 100, "y" * 101]),
    st.lists(st.sampled_from(SNIPPETS), max_size=5).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)
snippets = st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=2).map("".join) | texts.filter(bool)
values: st.SearchStrategy[DimensionValue] = st.one_of(st.booleans(), numbers, texts)
compared: st.SearchStrategy[DimensionValue] = st.one_of(st.booleans(), decimals, texts)
dimensions: st.SearchStrategy[Dimensions] = st.dictionaries(st.sampled_from(FIELDS), values, max_size=3)

# Most events have the number that most meters read: else there would be next to nothing to aggregate.
measured: st.SearchStrategy[Dimensions] = st.builds(
    lambda others, number: {**others, FIELDS[0]: number}, dimensions, st.integers(-50, 50) | numbers
)

conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Equals, st.sampled_from(FIELDS), compared),
    st.builds(In, st.sampled_from(FIELDS), st.lists(compared, min_size=1, max_size=4).map(tuple)),
    st.builds(IsSet, st.sampled_from(FIELDS), expected=st.booleans()),
    st.builds(NotEquals, st.sampled_from(FIELDS), compared),
    st.builds(HasText, st.sampled_from(FIELDS), st.sampled_from(Part), snippets),
    st.builds(Compares, st.sampled_from(FIELDS), st.sampled_from(Comparison), decimals),
)
filters: st.SearchStrategy[Filter] = st.lists(conditions, min_size=1, max_size=3).map(tuple)
meters = st.builds(
    Meter,
    event_names=st.sampled_from([("one",), ("one", "two")]),
    # Half of them without: most events pass no filter that is made up.
    filters=st.just(()) | st.lists(filters, max_size=3).map(tuple),
    aggregation=st.sampled_from(Aggregation),
    field=st.sampled_from((*FIELDS[:1] * 3, *FIELDS)),
)
