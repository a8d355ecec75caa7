"""The catalog changes while customers live on it: versions stay as they were sold, and meters count what came before them."""

from pathlib import Path

from cli.local_platform import Platform
from tests.e2e.invoices import lines
from tests.e2e.scenario import NewScenario, apply_file, number, text

FIRST = """
features:
  - id: changes-parcels
    metered:
      usage_behavior: INCREMENTAL
      usage_source: EVENTS
      meter: { event_names: [parcel.sent], aggregation: COUNT }
products:
  - { id: changes }
  - { id: changes-more }
plans:
  - id: changes-sender
    product_id: changes
    pricing_type: PAID
    charges:
      - id: parcels
        billing_model: USAGE_BASED
        feature_id: changes-parcels
        pricing_model: FLAT_RATE
        prices:
          - { billing_period: MONTHLY, currency: USD, amount: "2.00" }
"""

# One meter more, a higher price, and another plan that grants the new feature too.
SECOND = (
    FIRST.replace(
        "products:",
        """  - id: changes-kilograms
    metered:
      usage_behavior: INCREMENTAL
      usage_source: EVENTS
      meter:
        event_names: [parcel.sent]
        aggregation: SUM
        field: kilograms
        filters:
          - conditions: [{ field: country, in: { values: [{ string_value: "NO" }, { string_value: SE }] } }]
products:""",
    ).replace('"2.00"', '"3"')
    + """
    entitlements:
      - { feature_id: changes-kilograms, metered: { limit: "100" } }
  - id: changes-heavy
    product_id: changes-more
    pricing_type: FREE
    entitlements:
      - { feature_id: changes-kilograms, metered: { limit: "50" } }
"""
)


async def test_versions_stay_as_sold_and_new_meters_count_old_events(
    platform: Platform, new_scenario: NewScenario, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(FIRST)
    await apply_file(platform, catalog)
    scenario = new_scenario("Europe/Oslo")
    await scenario.begin(2025, 3, 1)
    old = await scenario.customer("old")
    assert (await scenario.subscribe(old, "changes-sender")).subscription.plan_version == 1
    await scenario.advance(2025, 3, 10)
    parcels = [
        scenario.event(old, "parcel.sent", scenario.at(2025, 3, 9), kilograms=number(40.5), country=text("NO")),
        scenario.event(old, "parcel.sent", scenario.at(2025, 3, 9), kilograms=number(20), country=text("SE")),
        scenario.event(old, "parcel.sent", scenario.at(2025, 3, 9), kilograms=number(99), country=text("DK")),
    ]
    await scenario.send(*parcels)

    catalog.write_text(SECOND)
    await apply_file(platform, catalog)
    new = await scenario.customer("new")
    await scenario.send(
        scenario.event(new, "parcel.sent", scenario.at(2025, 3, 10), kilograms=number(100), country=text("SE"))
    )
    assert (await scenario.subscribe(new, "changes-sender")).subscription.plan_version == 2
    # The first customer bought no kilograms with its plan, and gets them, counted from its first parcel on, with another.
    before = await scenario.check(old, "changes-kilograms")
    assert (before.granted, before.usage) == (False, "")
    await scenario.subscribe(old, "changes-heavy")
    after = await scenario.check(old, "changes-kilograms")
    assert (after.granted, after.usage, after.limit) == (False, "60.5", "50")
    full = await scenario.check(new, "changes-kilograms")
    assert (full.granted, full.usage, full.limit, full.remaining) == (False, "100", "100", "0")

    await scenario.advance(2025, 4, 10)
    assert lines((await scenario.invoices(old))[-1]) == [("USAGE", "parcels", "3", "6.00")]
    assert lines((await scenario.invoices(new))[-1]) == [("USAGE", "parcels", "1", "3.00")]


async def test_the_most_generous_of_two_subscriptions_wins(
    platform: Platform, new_scenario: NewScenario, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(SECOND)
    await apply_file(platform, catalog)
    scenario = new_scenario()
    await scenario.begin(2025, 3, 1)
    customer = await scenario.customer()
    await scenario.subscribe(customer, "changes-heavy")
    assert (await scenario.check(customer, "changes-kilograms")).limit == "50"
    await scenario.subscribe(customer, "changes-sender")
    decision = await scenario.check(customer, "changes-kilograms")
    assert (decision.limit, decision.source.plan_id) == ("100", "changes-sender")
