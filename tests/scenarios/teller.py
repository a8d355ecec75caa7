"""Tells a story to the installation, line by line: the table of everything that a story can say."""

import re
from collections.abc import Awaitable, Callable, Iterable

from tests.scenarios import money_steps, subscription_steps, usage_steps, world_steps
from tests.scenarios.changes import check_events
from tests.scenarios.installation import Installation
from tests.scenarios.story import Line, Story
from tests.scenarios.truths import check_truths
from tests.scenarios.words import DECIMAL, NAME, TIME
from tests.scenarios.world import World

_Step = Callable[[World, Line, re.Match[str]], Awaitable[None]]

_STEPS: tuple[tuple[str, _Step], ...] = (
    (rf"clock ({TIME})(?: in (\S+))?", world_steps.clock),
    (rf"customer ({NAME})(?:, (.+))?", world_steps.customer),
    (rf"advance to ({TIME})", world_steps.advance),
    (r"publish(, carrying entitlements)?", world_steps.publish),
    (rf"archive (plan|coupon|add-on) ({NAME})", world_steps.archive),
    (rf"remember the etag of ({NAME})", world_steps.remember),
    (rf"({NAME}) migrates (now|at period end)", subscription_steps.migrate),
    (
        rf"({NAME}) provisions ({NAME})(?: (monthly|quarterly|yearly))?(?: as ({NAME}))?(?:: (.+))?",
        subscription_steps.provision,
    ),
    (rf"({NAME}) (updates|commits): (.+)", subscription_steps.update),
    (rf"({NAME}) cancels(?:: (.+))?", subscription_steps.cancel),
    (rf"({NAME}) resumes", subscription_steps.resume),
    (rf"({NAME}) (uses|tries|gives back) ({DECIMAL}) ({NAME})", usage_steps.report),
    (rf"({NAME}) sends (\d+) (\S+) at ({TIME})(?:, (.+))?", usage_steps.send),
    (rf"check ({NAME}) ({NAME})(?: for ({DECIMAL}))?: (.+)", usage_steps.check),
    (rf"(mark) invoice (\d+) of ({NAME}) (paid|uncollectible)", money_steps.settle),
    (rf"(void) invoice (\d+) of ({NAME})()", money_steps.settle),
    (rf"invoice (\d+) of ({NAME}) is (.+)", money_steps.show),
    (rf"credit note on invoice (\d+) of ({NAME}): (.+)", money_steps.credit_note),
    (rf"grant ({NAME}) ({DECIMAL}) ([A-Z]{{3}})", money_steps.grant),
    (rf"({NAME}) has (?:no credit|credit of ({DECIMAL}) ([A-Z]{{3}}))", money_steps.credit),
    (rf"the renewal of ({NAME}) would be", money_steps.renewal),
    (rf"bill ({NAME}) by hand: (.+)", money_steps.bill),
    (rf"({NAME}) (is|schedules) (.+)", world_steps.state),
)


async def tell(installation: Installation, story: Story) -> World:
    """Tells the story, and then what is true after every story.

    Raises:
        StoryError: Something is otherwise than told; names the file and the line.
    """
    world = World(installation, story.name)
    await go_on(world, story.lines)
    await check_truths(world)
    return world


async def go_on(world: World, lines: Iterable[Line]) -> None:
    """Tells more of a story."""
    for line in lines:
        try:
            await _tell(world, line)
        except (ValueError, KeyError, IndexError) as error:
            line.fail(f"cannot be told: {error!r}")


async def _tell(world: World, line: Line) -> None:
    if line.text == "given":
        await world_steps.given(world, line)
        return
    if line.text.startswith("events: "):
        await check_events(world, line)
        return
    for pattern, step in _COMPILED:
        if said := pattern.fullmatch(line.text):
            await step(world, line, said)
            return
    line.fail("is nothing that a story can say: see README.md")


_COMPILED = tuple((re.compile(pattern), step) for pattern, step in _STEPS)
