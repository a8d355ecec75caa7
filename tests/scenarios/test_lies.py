"""A story that is not true must fail, at its line: a checker that nods at everything would be worse than none."""

import pytest

from tests.scenarios.installation import Installation
from tests.scenarios.story import StoryError, parse_story
from tests.scenarios.teller import go_on, tell
from tests.scenarios.world import World

GIVEN = """A lie

given
  product shop
  feature gates: goes up and down
  plan carrier
    commit gates, from 1 to 50
      monthly USD: 10

clock 2024-04-01
"""
PROVISIONED = """acme provisions carrier monthly: 4 gates
  is active, 4 gates
  invoice for provision, open
    commitment of gates, 4, from 2024-04-01 to 2024-05-01: 40.00
    total 40.00
"""
LIES = {
    "amount": PROVISIONED.replace("05-01: 40.00", "05-01: 40.01"),
    "total": PROVISIONED.replace("total 40.00", "total 40.01"),
    "quantity": PROVISIONED.replace("gates, 4,", "gates, 5,"),
    "period": PROVISIONED.replace("2024-05-01", "2024-05-02"),
    "kind": PROVISIONED.replace("commitment of", "usage of"),
    "reason": PROVISIONED.replace("for provision", "for renewal"),
    "state of the invoice": PROVISIONED.replace("open", "paid"),
    "state": PROVISIONED.replace("is active, 4", "is active, 5"),
    "one line too few": PROVISIONED.replace("    commitment of gates, 4, from 2024-04-01 to 2024-05-01: 40.00\n", ""),
    "one line too many": PROVISIONED.replace("    total", "    commitment of gates, 4: 40.00\n    total"),
    "a discount": PROVISIONED.replace("    total", "    TEN takes off 10.00\n    total"),
    "untold invoice": PROVISIONED.partition("  invoice")[0],
    "missing invoice": PROVISIONED + "acme commits: 4 gates\n  invoice for commitment, open\n    total 0.00\n",
    "unrefused": "acme provisions carrier monthly: 4 gates\n  refused COMMITMENT_INVALID at commitments[0].quantity\n",
    "refused": "acme provisions carrier monthly: 51 gates\n",
    "other reason": "acme provisions carrier monthly: 51 gates\n  refused PRICE_NOT_OFFERED\n",
    "other field": "acme provisions carrier monthly: 51 gates\n  refused COMMITMENT_INVALID at commitments[1]\n",
    "events": PROVISIONED + "events: invoice.finalized, subscription.provisioned\n",
    "limit": PROVISIONED + "check acme gates: granted, limit 5\n",
    "credit": PROVISIONED + "acme has credit of 1.00 USD\n",
    "nonsense": "acme dances\n",
    "nonsense below": PROVISIONED + "  dances\n",
}


@pytest.fixture(scope="module")
async def world(installation: Installation) -> World:
    """A true story, after which everything that is told is a lie."""
    text = GIVEN + "customer acme\n" + PROVISIONED
    return await tell(installation, parse_story(text, "lies", shown="lies.txt"))


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_found(world: World, lie: str) -> None:
    name = f"liar-{list(LIES).index(lie)}"
    text = "A lie\ngiven\ncustomer acme\n" + LIES[lie]
    story = parse_story(text.replace("acme", name), "lies", shown=f"{name}.txt")
    with pytest.raises(StoryError, match=rf"^\n{name}\.txt:([4-9]|1\d)"):
        await go_on(world, story.lines)


@pytest.mark.parametrize("text", ["", "A title\nand no catalog\n", "given\n", "A title\ngiven\nclock\n      deeper\n"])
def test_what_is_no_story(text: str) -> None:
    with pytest.raises(StoryError):
        parse_story(text, "none", shown="none.txt")
