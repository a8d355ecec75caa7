"""Where names lead."""

import pytest

from catalog.domain.chain import chain_length, way_back

Graph = dict[str, tuple[str, ...]]


@pytest.mark.parametrize(
    ("graph", "way"),
    [
        ({}, []),
        ({"a": ()}, []),
        ({"a": ("a",)}, ["a", "a"]),
        ({"a": ("b",), "b": ("a",)}, ["a", "b", "a"]),
        ({"a": ("b",), "b": ("c",), "c": ("a",)}, ["a", "b", "c", "a"]),
        # A loop that the start only leads to is not its own.
        ({"a": ("b",), "b": ("c",), "c": ("b",)}, []),
        # Two ways to one thing are no loop.
        ({"a": ("b", "c"), "b": ("d",), "c": ("d",)}, []),
        ({"a": ("b", "c"), "b": (), "c": ("d",), "d": ("a",)}, ["a", "c", "d", "a"]),
    ],
)
def test_the_way_back(graph: Graph, way: list[str]) -> None:
    assert way_back("a", lambda each: graph.get(each, ())) == way


@pytest.mark.parametrize(
    ("graph", "length"),
    [
        ({}, 1),
        ({"a": ("b",)}, 2),
        ({"a": ("b",), "b": ("c",)}, 3),
        ({"a": ("b",), "b": ("c",), "c": ("d",), "d": ("e",)}, 4),
        ({"a": ("b",), "b": ("c",), "c": ("b",)}, 4),
    ],
)
def test_the_length_of_a_chain_is_counted_to_its_limit_and_one(graph: Graph, length: int) -> None:
    assert chain_length("a", lambda each: graph.get(each, ()), limit=3) == length
