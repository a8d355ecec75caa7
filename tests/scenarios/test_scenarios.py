"""Every story of this folder comes true."""

from pathlib import Path

import pytest

from tests.scenarios.installation import Installation
from tests.scenarios.story import read_story
from tests.scenarios.teller import tell
from tollkeeper.billing.v1.invoice_service_pb2 import ListInvoicesRequest

ROOT = Path(__file__).parent
STORIES = sorted(ROOT.glob("*/*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=[f"{path.parent.name}/{path.stem}" for path in STORIES])
async def test_story(installation: Installation, path: Path) -> None:
    await tell(installation, read_story(path, ROOT))


async def test_numbers_have_no_gaps(installation: Installation) -> None:
    numbers: list[int] = []
    request = ListInvoicesRequest(page_size=1_000)
    while True:
        answer = await installation.stubs.invoices.ListInvoices(request)
        numbers += [int(invoice.number.removeprefix("TK-")) for invoice in answer.invoices]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert numbers == list(range(1, len(numbers) + 1))


def test_names_are_used_once() -> None:
    assert len({path.stem for path in STORIES}) == len(STORIES)
