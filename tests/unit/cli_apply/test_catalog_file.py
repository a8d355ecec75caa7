"""What a catalog file means, and where each of its mistakes stands."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli.catalog_file import MAX_FILE_BYTES, CatalogFile, read_catalog_file
from cli.catalog_file_problem import CatalogFileError
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb


def _read(folder: Path, text: str | bytes) -> CatalogFile:
    file = folder / "catalog.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_catalog_file(file)


def _problems(folder: Path, text: str | bytes) -> list[str]:
    try:
        problems = _read(folder, text).problems
    except CatalogFileError as error:
        problems = error.problems
    return [problem.shown("f") for problem in problems]


WHOLE = """
features:
  - id: gates
    display_name: NO
    metered: {usage_behavior: fluctuating, usage_source: CALCULATED}
  - {id: lounge, boolean: true}
  - id: bar
    boolean: {}
  - id: support
    enum: {values: [email, 007, yes]}
  - id: miles
    metered:
      usage_behavior: INCREMENTAL
      usage_source: EVENTS
      meter:
        event_names: [flight.departed]
        aggregation: SUM
        field: distance
        filters:
          - conditions:
              - {field: a, equals: true}
              - {field: b, equals: "true"}
              - {field: c, equals: 1.50}
              - {field: d, equals: '1.50'}
              - {field: e, in: [AA, 7, false, ""]}
              - {field: f, is_set: false}
products:
  - id: airport
plans:
  - id: gold
    product_id: airport
    pricing_type: Paid
    description: |
      Two
      lines
    entitlements:
      - feature_id: miles
        metered: {limit: 0.1, soft_limit: true, usage_reset: {interval: WEEK, anchor: CALENDAR, week_start: SUNDAY}}
      - {feature_id: bar, metered: {unlimited: true}}
    charges:
      - id: base
        billing_model: FLAT_FEE
        prices: [{billing_period: MONTHLY, currency: USD, amount: 99.99}]
"""
MEANT = """
features { id: "gates" display_name: "NO"
  metered { usage_behavior: USAGE_BEHAVIOR_FLUCTUATING usage_source: USAGE_SOURCE_CALCULATED } }
features { id: "lounge" boolean {} }
features { id: "bar" boolean {} }
features { id: "support" enum { values: ["email", "007", "yes"] } }
features { id: "miles" metered { usage_behavior: USAGE_BEHAVIOR_INCREMENTAL usage_source: USAGE_SOURCE_EVENTS meter {
  event_names: "flight.departed" aggregation: AGGREGATION_SUM field: "distance"
  filters {
    conditions { field: "a" equals { bool_value: true } }
    conditions { field: "b" equals { string_value: "true" } }
    conditions { field: "c" equals { number_value: "1.50" } }
    conditions { field: "d" equals { string_value: "1.50" } }
    conditions { field: "e" in { values { string_value: "AA" } values { number_value: "7" }
      values { bool_value: false } values { string_value: "" } } }
    conditions { field: "f" is_set: false }
  } } } }
products { id: "airport" }
plans {
  plan { id: "gold" product_id: "airport" description: "Two\\nlines\\n" }
  content { pricing_type: PRICING_TYPE_PAID
    entitlements { feature_id: "miles" metered { limit: "0.1" soft_limit: true usage_reset {
      interval: RESET_INTERVAL_WEEK anchor: RESET_ANCHOR_CALENDAR week_start: WEEKDAY_SUNDAY } } }
    entitlements { feature_id: "bar" metered { unlimited {} } }
    charges { id: "base" billing_model: BILLING_MODEL_FLAT_FEE
      prices { billing_period: BILLING_PERIOD_MONTHLY currency: "USD" amount: "99.99" } } } }
"""


def test_a_file_says_what_the_contract_can_say(tmp_path: Path) -> None:
    file = _read(tmp_path, WHOLE)
    assert file.problems == ()
    assert file.request == text_format.Parse(MEANT, pb.ApplyCatalogRequest())


METERS = """
features:
  - id: delay
    shadow_mode: true
    metered:
      thresholds: [50, 90, 100]
      meter:
        aggregation: latest
        filters:
          - conditions:
              - {field: g, not_equals: 1}
              - {field: h, contains: 747}
              - {field: i, starts_with: "N "}
              - {field: j, ends_with: é}
              - {field: k, greater_than: 100}
              - {field: l, greater_than_or_equal: -0.5}
              - {field: m, less_than: 1e3}
              - {field: n, less_than_or_equal: "7.50"}
  - {id: hours, metered: {usage_source: CALCULATED, thresholds: []}}
  - {id: crew, metered: {usage_source: CALCULATED, thresholds: {percents: [5]}}, shadow_mode: false}
"""
METERS_MEANT = """
features { id: "delay" shadow_mode: true metered { thresholds { percents: [50, 90, 100] } meter {
  aggregation: AGGREGATION_LATEST
  filters {
    conditions { field: "g" not_equals { number_value: "1" } }
    conditions { field: "h" contains: "747" }
    conditions { field: "i" starts_with: "N " }
    conditions { field: "j" ends_with: "é" }
    conditions { field: "k" greater_than: "100" }
    conditions { field: "l" greater_than_or_equal: "-0.5" }
    conditions { field: "m" less_than: "1e3" }
    conditions { field: "n" less_than_or_equal: "7.50" }
  } } } }
features { id: "hours" metered { usage_source: USAGE_SOURCE_CALCULATED thresholds {} } }
features { id: "crew" metered { usage_source: USAGE_SOURCE_CALCULATED thresholds { percents: 5 } } }
"""


def test_every_test_of_a_dimension_thresholds_and_shadow_mode_are_read(tmp_path: Path) -> None:
    file = _read(tmp_path, METERS)
    assert file.problems == ()
    assert file.request == text_format.Parse(METERS_MEANT, pb.ApplyCatalogRequest())
    # What the catalog says of an entry is found in the short form and in the long one.
    for field, shown in (
        ("features[0].metered.thresholds.percents[1]", "f:6:24 features[delay].metered.thresholds[1]: no"),
        ("features[2].metered.thresholds.percents[0]", "f:20:76 features[crew].metered.thresholds.percents[0]: no"),
    ):
        problem = file.problem(field, "no")
        assert problem is not None
        assert problem.shown("f") == shown


EVERYTHING = """
features:
  - id: history
    numeric: {unit_singular: day}
    archived: true
products:
  - {id: airport, multiple_subscriptions: true}
add_ons:
  - id: extra
    product_id: airport
    maximum_quantity: 10
    required_add_on_ids: [more]
    entitlements:
      - {feature_id: history, numeric: {value: 30}, merge_behavior: override}
plans:
  - id: silver
    product_id: airport
    pricing_type: custom
    archived: true
    base_plan_id: bronze
    compatible_add_on_ids: [extra, more]
    trial: {duration_days: 14, end_behavior: EXPIRE}
    charges:
      - id: base
        prices:
          - {billing_period: MONTHLY, currency: EUR, amount: 5, country: NO}
coupons:
  - {id: WELCOME20, percent_off: 20, duration: months, duration_months: 3}
  - id: FAREWELL
    amount_off:
      amounts: [{currency: USD, amount: 9.50}]
    duration: ONCE
    archived: false
"""
EVERYTHING_MEANT = """
features { id: "history" numeric { unit_singular: "day" } archived: true }
products { id: "airport" multiple_subscriptions: true }
add_ons {
  add_on { id: "extra" product_id: "airport" }
  content { maximum_quantity: 10 required_add_on_ids: "more"
    entitlements { feature_id: "history" numeric { value: "30" } merge_behavior: MERGE_BEHAVIOR_OVERRIDE } } }
plans {
  plan { id: "silver" product_id: "airport" archived: true }
  content { pricing_type: PRICING_TYPE_CUSTOM base_plan_id: "bronze" compatible_add_on_ids: ["extra", "more"]
    trial { duration_days: 14 end_behavior: TRIAL_END_BEHAVIOR_EXPIRE }
    charges { id: "base"
      prices { billing_period: BILLING_PERIOD_MONTHLY currency: "EUR" amount: "5" country: "NO" } } } }
coupons { id: "WELCOME20" percent_off: "20" duration: COUPON_DURATION_MONTHS duration_months: 3 }
coupons { id: "FAREWELL" amount_off { amounts { currency: "USD" amount: "9.50" } } duration: COUPON_DURATION_ONCE }
"""


def test_add_ons_coupons_and_all_the_rest_are_read(tmp_path: Path) -> None:
    file = _read(tmp_path, EVERYTHING)
    assert file.problems == ()
    assert file.request == text_format.Parse(EVERYTHING_MEANT, pb.ApplyCatalogRequest())


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("add_ons[0].add_on.id", "f:9:9 add_ons[extra].id: no"),
        ("add_ons[0].content", "f:9:5 add_ons[extra]: no"),
        ("add_ons[0].content.maximum_quantity", "f:11:23 add_ons[extra].maximum_quantity: no"),
        ("add_ons[0].content.required_add_on_ids[0]", "f:12:27 add_ons[extra].required_add_on_ids[0]: no"),
        ("add_ons[0].content.entitlements[0].merge_behavior", "f:14:69 add_ons[extra].entitlements[history].merge_behavior: no"),
        ("plans[0].content.base_plan_id", "f:20:19 plans[silver].base_plan_id: no"),
        ("plans[0].content.compatible_add_on_ids[1]", "f:21:36 plans[silver].compatible_add_on_ids[1]: no"),
        ("plans[0].content.trial.duration_days", "f:22:28 plans[silver].trial.duration_days: no"),
        ("plans[0].content.charges[0].prices[0].country", "f:26:74 plans[silver].charges[base].prices[0].country: no"),
        ("coupons[0].percent_off", "f:28:34 coupons[WELCOME20].percent_off: no"),
        ("coupons[1].discount", "f:29:5 coupons[FAREWELL].discount: no"),
        ("coupons[1].amount_off.amounts[0].amount", "f:31:41 coupons[FAREWELL].amount_off.amounts[0].amount: no"),
    ],
)  # fmt: skip
def test_every_mistake_of_theirs_has_its_line(tmp_path: Path, field: str, shown: str) -> None:
    problem = _read(tmp_path, EVERYTHING).problem(field, "no")
    assert problem is not None
    assert problem.shown("f") == shown


def test_things_whose_ids_cannot_be_read_are_not_missed_by_those_that_name_them(tmp_path: Path) -> None:
    file = _read(
        tmp_path, "add_ons: [{id: [a]}]\nplans: [{idd: p}, {id: q, base_plan_id: p, compatible_add_on_ids: [a]}]\n"
    )
    assert len(file.problems) == 2
    assert file.problem("plans[1].content.base_plan_id", "no") is None
    assert file.problem("plans[1].content.compatible_add_on_ids[0]", "no") is None
    whole = _read(tmp_path, "plans: [{id: q, base_plan_id: p}]\n")
    assert whole.problem("plans[0].content.base_plan_id", "no") is not None


def test_the_example_of_the_airlines_is_read(project_root: Path) -> None:
    file = read_catalog_file(project_root / "examples/airlines/catalog.yaml")
    assert file.problems == ()
    assert [plan.plan.id for plan in file.request.plans] == ["carrier"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["f:1:1: is empty: write features, products, add_ons, plans or coupons"]),
        ("# nothing\n", ["f:1:1: is empty: write features, products, add_ons, plans or coupons"]),
        ("- a\n", ["f:1:1: must be a mapping with the keys features, products, plans, add_ons, coupons"]),
        ("text\n", ["f:1:1: must be a mapping with the keys features, products, plans, add_ons, coupons"]),
        ("features:\n", []),
        ("features: {}\n", ['f:1:11 features: must be a list: entries that begin with "- "']),
        ("feature: []\n", ["f:1:1 feature: is not a key here: did you mean features?"]),
        ("validate_only: true\n", ["f:1:1 validate_only: is not a key here: known are features, products, plans, add_ons, coupons"]),
        ("features: []\nfeatures: []\n", ["f:2:1 features: stands here a second time: the first is in line 1"]),
        ("products: [text]\n", ["f:1:12 products[0]: must be a mapping with the keys id, display_name, description, multiple_subscriptions"]),
        ("products: [{id: [a]}]\n", ["f:1:17 products[0].id: must be a single value"]),
        ("products: [{id: a, revision: 1}]\n", ["f:1:20 products[a].revision: must be left out: only the catalog writes it"]),
        ("products: [{id: null}]\n", ['f:1:17 products[null].id: must not be null: leave the key out, or quote the text: "null"']),
        ("products: [{id: ~}]\n", ['f:1:17 products[~].id: must not be ~: leave the key out, or quote the text: "~"']),
        ('products: [{id: "null"}]\n', []),
        ('products: [{id: a, description: "\\0"}]\n', ["f:1:33 products[a].description: must not contain the character U+0000: remove it"]),
        ('products: [{id: a, description: "\\ud83d"}]\n', ["f:1:36: is not YAML: found invalid Unicode character escape code (while parsing a quoted scalar)"]),
        ("products: [{? [a] : b}]\n", ["f:1:15 products[0]: must be a plain key"]),
        ("plans: [{id: a, content: {}}]\n", ["f:1:17 plans[a].content: is not a key here: known are id, product_id, display_name, description, archived, pricing_type, entitlements, charges, base_plan_id, compatible_add_on_ids, trial"]),
        ("plans: [{id: a, latest_version: 1}]\n", ["f:1:17 plans[a].latest_version: must be left out: only the catalog writes it"]),
        ("plans: [{id: a, pricing_type: PRICING_TYPE_FREE}]\n", ["f:1:31 plans[a].pricing_type: must be FREE, PAID or CUSTOM"]),
        ("plans: [{id: a, pricing_type: UNSPECIFIED}]\n", ["f:1:31 plans[a].pricing_type: must be FREE, PAID or CUSTOM"]),
        ("carry_entitlements: true\n", ["f:1:1 carry_entitlements: must be left out: say --carry-entitlements to the command"]),
        ("plans: [{id: a, etag: x, carried_version: 1}]\n", ["f:1:17 plans[a].etag: must be left out: only the catalog writes it", "f:1:26 plans[a].carried_version: must be left out: only the catalog writes it"]),
        ("add_ons: [{id: a, content: {}}]\n", ["f:1:19 add_ons[a].content: is not a key here: known are id, product_id, display_name, description, archived, entitlements, charges, maximum_quantity, required_add_on_ids"]),
        ("add_ons: [{id: a, maximum_quantity: 1.5}]\n", ["f:1:37 add_ons[a].maximum_quantity: must be a whole number of at most nine digits, such as 14"]),
        ("plans: [{id: a, trial: {duration_days: two weeks}}]\n", ["f:1:40 plans[a].trial.duration_days: must be a whole number of at most nine digits, such as 14"]),
        ("plans: [{id: a, trial: {duration_days: 1234567890}}]\n", ["f:1:40 plans[a].trial.duration_days: must be a whole number of at most nine digits, such as 14"]),
        ("coupons: [{id: A, percent_off: 20, amount_off: {}}]\n", ["f:1:36 coupons[A].amount_off: cannot stand beside percent_off: give only one of them"]),
        ("coupons: [{id: A, duration: TWICE}]\n", ["f:1:29 coupons[A].duration: must be ONCE, MONTHS or FOREVER"]),
        ("features: [{id: a, archived: yes}]\n", ["f:1:30 features[a].archived: must be true or false"]),
        ("features: [{id: a, boolean: false}]\n", ["f:1:29 features[a].boolean: must be true; leave the key out where it is not"]),
        ("features: [{id: a, boolean: true, enum: {values: [a]}}]\n", ["f:1:35 features[a].enum: cannot stand beside boolean: give only one of them"]),
        ("plans: [{entitlements: [{feature_id: a, metered: {limit: 1, unlimited: true}}]}]\n", ["f:1:61 plans[0].entitlements[a].metered.unlimited: cannot stand beside limit: give only one of them"]),
        ("plans: [{entitlements: [{feature_id: a, metered: {soft_limit: yes}}]}]\n", ["f:1:63 plans[0].entitlements[a].metered.soft_limit: must be true or false"]),
        ("features: [{id: a, metered: {thresholds: 80}}]\n", ['f:1:42 features[a].metered.thresholds: must be a list: entries in brackets, or each after "- "']),
        ("features: [{id: a, metered: {thresholds: }}]\n", ['f:1:42 features[a].metered.thresholds: must be a list: entries in brackets, or each after "- "']),
        ("features: [{id: a, metered: {thresholds: [80 %, 100]}}]\n", ["f:1:43 features[a].metered.thresholds[0]: must be a whole number of at most nine digits, such as 14"]),
        ("features: [{id: a, shadow_mode: on}]\n", ["f:1:33 features[a].shadow_mode: must be true or false"]),
        ("plans: [{charges: [{id: a, billing_model: per-unit}]}]\n", ["f:1:43 plans[0].charges[a].billing_model: must be FLAT_FEE, PER_UNIT or USAGE_BASED"]),
    ],
)  # fmt: skip
def test_each_problem_has_a_line_a_column_a_path_and_a_sentence(tmp_path: Path, text: str, problems: list[str]) -> None:
    assert _problems(tmp_path, text) == problems


CONDITION = "features: [{id: a, metered: {meter: {filters: [{conditions: [{field: x, %s}]}]}}}]\n"


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("equals: ", 'equals: must be a value; the empty text is written ""'),
        ("equals: null", 'equals: must not be null: leave the key out, or quote the text: "null"'),
        ("equals: [1]", "equals: must be a mapping with the keys string_value, bool_value, number_value"),
        ("equals: 1, is_set: true", "is_set: cannot stand beside equals: give only one of them"),
        ("in: AA", 'in: must be a list: entries in brackets, or each after "- "'),
        ("is_set: 1", "is_set: must be true or false"),
        ("contains: [a]", "contains: must be a single value"),
        ("greater: 1", "greater: is not a key here: did you mean greater_than?"),
        ("greater_than: 1, less_than: 2", "less_than: cannot stand beside greater_than: give only one of them"),
    ],
)
def test_conditions(tmp_path: Path, test: str, problem: str) -> None:
    (found,) = _problems(tmp_path, CONDITION % test)
    assert found.partition(" ")[2] == f"features[a].metered.meter.filters[0].conditions[0].{problem}"


@pytest.mark.parametrize("number", ["1e3", ".5", "5.", "-7", "+1", "0012"])
def test_what_looks_like_a_number_is_one_and_the_catalog_judges_it(tmp_path: Path, number: str) -> None:
    file = _read(tmp_path, CONDITION % f"equals: {number}")
    condition = file.request.features[0].metered.meter.filters[0].conditions[0]
    assert condition.equals.number_value == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("features:\n\t- id: a\n", "f:2:1: a tab stands here: indent with spaces"),
        ("products:\n  - id: a: b\n", "f:2:10: a colon stands where none can: quote the text, or check the indentation"),
        ("products: [\n", "f:2:1: is not YAML: did not find expected node content (while parsing a flow node)"),
        ('products: "open\n', "f:2:1: is not YAML: found unexpected end of stream (while scanning a quoted scalar)"),
        ("a: \x07\n", "f:1:4: the character U+0007 cannot stand in YAML: remove it"),
        ("%YAML 3.0\n---\na: 1\n", "f:1:1: is not YAML: found incompatible YAML document"),
        ("a: &x 1\n", "f:1:4: the anchor &x stands here: remove it"),
        ("a: !!str 1\n", "f:1:4: the tag tag:yaml.org,2002:str stands here: remove it"),
        (b"products:\n  - id: \xff\n", "f:2:9: is not UTF-8 from here on: save the file as UTF-8"),
        ("[" * 200, "f:1:41: is not YAML: is nested too deeply for a catalog"),
        ("a: {" * 100_000, "f:1:157: is not YAML: is nested too deeply for a catalog"),
    ],
)  # fmt: skip
def test_what_is_not_yaml_or_more_than_a_catalog_needs(tmp_path: Path, text: str | bytes, problem: str) -> None:
    problems = _problems(tmp_path, text)
    assert problem in problems


def test_all_problems_are_told_at_once_by_line(tmp_path: Path) -> None:
    text = """\
products:
  - &base
    id: a
    descripton: x
  - <<: *base
    id: b
    id: c
plans: *plans
---
features: []
"""
    assert _problems(tmp_path, text) == [
        "f:2:5: the anchor &base stands here: remove it",
        "f:4:5 products[a].descripton: is not a key here: did you mean description?",
        "f:5:5 products[c].<<: must be left out: merge keys are not read; write the fields out",
        "f:5:9: the alias *base stands here: write out what it stands for",
        "f:7:5 products[c].id: stands here a second time: the first is in line 6",
        "f:8:8: the alias *plans stands here: write out what it stands for",
        "f:9:1: a second document begins here: write one file for each",
    ]


def test_an_alias_cannot_make_a_small_file_endless(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert len(_problems(tmp_path, "\n".join(lines))) == 30 + 29 * 9 + 30


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(CatalogFileError) as refused:
            read_catalog_file(path)
        assert [problem.shown("f") for problem in refused.value.problems] == [f"f: cannot be read: {message}"]
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(CatalogFileError) as refused:
        read_catalog_file(large)
    assert "is too large" in refused.value.problems[0].message


def test_a_byte_order_mark_and_windows_lines_are_no_problem(tmp_path: Path) -> None:
    file = _read(tmp_path, b"\xef\xbb\xbfproducts:\r\n  - id: airport\r\n")
    assert file.problems == ()
    assert file.request.products[0].id == "airport"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("features[0].metered.usage_behavior", "f:5:31 features[gates].metered.usage_behavior: no"),
        ("features[0].metered.meter", "f:5:14 features[gates].metered.meter: no"),
        ("features[0].type", "f:3:5 features[gates].type: no"),
        ("features[4].metered.meter.filters[0].conditions[2].equals.number_value", "f:23:36 features[miles].metered.meter.filters[0].conditions[2].equals.number_value: no"),
        ("features[4].metered.meter.filters[0].conditions[4].in.values[1].number_value", "f:25:37 features[miles].metered.meter.filters[0].conditions[4].in[1].number_value: no"),
        ("plans[0].plan.product_id", "f:31:17 plans[gold].product_id: no"),
        ("plans[0].plan.display_name", "f:30:5 plans[gold].display_name: no"),
        ("plans[0].content", "f:30:5 plans[gold]: no"),
        ("plans[0].content.charges", "f:41:7 plans[gold].charges: no"),
        ("plans[0].content.charges[0].prices[0].amount", "f:43:67 plans[gold].charges[base].prices[0].amount: no"),
        ("plans[0].content.charges[0].prices[0].tiers[3].flat_fee", "f:43:18 plans[gold].charges[base].prices[0].tiers[3].flat_fee: no"),
        ("plans[7].content", "f:30:3 plans[7].content: no"),
        ("validate_only", "f:2:1 validate_only: no"),
        ("", "f:2:1: no"),
    ],
)  # fmt: skip
def test_what_the_catalog_refuses_is_found_in_the_file(tmp_path: Path, field: str, shown: str) -> None:
    problem = _read(tmp_path, WHOLE).problem(field, "no")
    assert problem is not None
    assert problem.shown("f") == shown


def test_echoes_of_the_files_own_problems_are_not_repeated(tmp_path: Path) -> None:
    file = _read(
        tmp_path, "features: [{idd: a}, {id: [b], boolaen: true}]\nplans: [{id: p, pricing_typ: FREE, charges: x}]\n"
    )
    assert len(file.problems) == 5
    for echo in (
        "features[0].id",
        "features[1].id",
        "features[1].type",
        "plans[0].content.pricing_type",
        "plans[0].content.charges",
        "plans[0].content.entitlements[0].feature_id",
    ):
        assert file.problem(echo, "no") is None, echo
    # What is missing for another reason is a mistake of its own.
    assert file.problem("features[0].type", "no") is not None
    assert file.problem("plans[0].plan.product_id", "no") is not None


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@example(None)
def test_any_text_is_read_or_refused_by_line(tmp_path: Path, data: st.DataObject | None) -> None:
    text = WHOLE
    if data is not None:
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(text)))
            cut = data.draw(st.integers(0, 12))
            put = data.draw(st.text(st.sampled_from(" \n\t-:{}[]\"'&*!|>%@`#,?~a1é\x85\u2028"), max_size=4))
            text = text[:at] + put + text[at + cut :]
    for problem in _problems(tmp_path, text):
        assert problem.startswith("f:")
        assert not problem.endswith(": ")
