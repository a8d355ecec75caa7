"""Laws of what names its own kind: entitlements are inherited along a chain, and no loop is ever accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.add_on_content import AddOnContent
from catalog.domain.catalog_document import CatalogDocument, HeldCatalog, OfferingDocument
from catalog.domain.chain import Links, way_back
from catalog.domain.entitlement import Entitlement, Limit, MeteredEntitlement
from catalog.domain.feature import MeteredFeature, UsageBehavior, UsageSource
from catalog.domain.offering import OfferingSpec
from catalog.domain.plan_content import MAX_CHAIN, PlanContent, PricingType
from catalog.domain.product import ProductSpec
from kernel.errors import TollkeeperError
from tests.unit.catalog.samples import FLAT_RATE, apply, spec

METERED = MeteredFeature(UsageBehavior.INCREMENTAL, UsageSource.CALCULATED)
FEATURES = tuple(spec(f"f{number}", METERED) for number in range(4))

# Of a plan: which plan it is based on, and for each feature nothing, a limit of its own, or a charge.
Written = tuple[int, Sequence[str]]
_choices = st.lists(st.sampled_from(["", "", "limit", "charge"]), min_size=4, max_size=4)
_forests = st.lists(st.tuples(st.integers(-1, 13), _choices), min_size=1, max_size=14)
_graphs = st.lists(st.lists(st.integers(0, 9), max_size=3, unique=True), min_size=1, max_size=10)


def _plan(number: int, written: Written, count: int) -> OfferingDocument[PlanContent]:
    base, choices = written
    chosen = {feature.id: choice for feature, choice in zip(FEATURES, choices, strict=True)}
    limit = MeteredEntitlement(Limit(str(number)))
    content = PlanContent(
        tuple(Entitlement(feature_id, limit) for feature_id, choice in chosen.items() if choice == "limit"),
        tuple(
            replace(FLAT_RATE, id=feature_id, feature_id=feature_id)
            for feature_id, choice in chosen.items()
            if choice == "charge"
        ),
        PricingType.PAID if "charge" in choices else PricingType.FREE,
        base_plan_id=f"p{base}" if 0 <= base < count else "",
    )
    return OfferingDocument(OfferingSpec(f"p{number}", "product", "", ""), content)


def _document(forest: Sequence[Written]) -> CatalogDocument:
    plans = tuple(_plan(number, written, len(forest)) for number, written in enumerate(forest))
    return CatalogDocument(features=FEATURES, products=(ProductSpec("product", "", ""),), plans=plans)


def _chain(forest: Sequence[Written], number: int) -> list[int]:
    """From a plan to the last that it inherits from; longer than there are plans where it never ends."""
    chain = [number]
    while 0 <= (base := forest[chain[-1]][0]) < len(forest) and len(chain) <= len(forest):
        chain.append(base)
    return chain


def _inherited(forest: Sequence[Written], number: int) -> dict[str, str]:
    """Feature by feature, by hand: the first plan of the chain that says anything decides."""
    limits = {}
    for position, feature in enumerate(FEATURES):
        said = [(each, forest[each][1][position]) for each in _chain(forest, number) if forest[each][1][position]]
        if said and said[0][1] == "limit":
            limits[feature.id] = str(said[0][0])
    return limits


@given(_forests)
def test_a_plan_grants_what_the_nearest_plan_of_its_chain_says(forest: list[Written]) -> None:
    lengths = [len(_chain(forest, number)) for number in range(len(forest))]
    try:
        done, _ = apply(_document(forest), HeldCatalog())
    except TollkeeperError as error:
        assert max(lengths) > min(MAX_CHAIN, len(forest))
        named = {int(violation.path.split("[")[1].split("]")[0]) for violation in error.violations}
        # Everyone in a loop is named, everyone that leads to one, and everyone whose chain is too long.
        assert named == {number for number, length in enumerate(lengths) if length > min(MAX_CHAIN, len(forest))}
        return
    assert max(lengths) <= MAX_CHAIN
    for number, version in enumerate(done.plan_versions):
        effective = version.effective_entitlements
        assert all(one.feature_id < other.feature_id for one, other in pairwise(effective))
        assert {each.feature_id: _units(each) for each in effective} == _inherited(forest, number)
        assert {feature.id for feature in version.features} >= {each.feature_id for each in effective}


def _units(entitlement: Entitlement) -> str:
    value = entitlement.value
    assert isinstance(value, MeteredEntitlement)
    assert isinstance(value.bound, Limit)
    return value.bound.units


def _add_ons(graph: Mapping[int, Sequence[int]]) -> CatalogDocument:
    add_ons = tuple(
        OfferingDocument(
            OfferingSpec(f"a{number}", "product", "", ""),
            AddOnContent(required_add_on_ids=tuple(f"a{each}" for each in required)),
        )
        for number, required in graph.items()
    )
    return CatalogDocument(products=(ProductSpec("product", "", ""),), add_ons=add_ons)


def _reaches(graph: Mapping[int, Sequence[int]], start: int, goal: int) -> bool:
    """By marking what can be reached until nothing is added."""
    marked = set(graph[start])
    while True:
        more = marked | {each for number in marked for each in graph[number]}
        if more == marked:
            return goal in marked
        marked = more


def _refused(graph: Mapping[int, Sequence[int]], held: HeldCatalog) -> set[str]:
    """The paths of the mistakes; none where the document is applied."""
    try:
        done, _ = apply(_add_ons(graph), held)
    except TollkeeperError as error:
        return {violation.path for violation in error.violations}
    return set() if len(done.changes) == len(graph) + 1 else {"lost"}


@given(_graphs)
def test_no_loop_of_add_ons_is_accepted_and_nothing_else_is_refused(edges: list[list[int]]) -> None:
    graph = {number: [each for each in required if each < len(edges)] for number, required in enumerate(edges)}
    looped = {number for number in graph if _reaches(graph, number, number)}
    # The very edges that lead back are named.
    wrong = {
        f"add_ons[{number}].content.required_add_on_ids[{position}]"
        for number in looped
        for position, each in enumerate(graph[number])
        if each == number or _reaches(graph, each, number)
    }
    assert _refused(graph, HeldCatalog()) == wrong
    assert bool(wrong) == bool(looped)


@given(_graphs, st.data())
def test_a_loop_over_what_is_held_is_found_as_one_within_the_document(
    edges: list[list[int]], data: st.DataObject
) -> None:
    graph = {number: [each for each in required if each < number] for number, required in enumerate(edges)}
    held = apply(_add_ons(graph), HeldCatalog())[1]
    number, required = (data.draw(st.sampled_from(sorted(graph))) for _ in range(2))
    changed = {number: [required]}
    loops = bool(way_back(f"a{number}", _links({**graph, **changed})))
    assert loops == (required == number or _reaches(graph, required, number))
    assert bool(_refused(changed, held)) == loops


def _links(graph: Mapping[int, Sequence[int]]) -> Links:
    return lambda add_on_id: [f"a{each}" for each in graph[int(add_on_id[1:])]]
