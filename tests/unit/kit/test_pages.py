"""A page ends before its reply is larger than a client takes."""

from kit.paging import MAX_PAGE_BYTES, Page, page_of, page_of_messages
from tollkeeper.catalog.v1 import product_pb2

ROWS = [f"p{number:04}" for number in range(101)]


def _pages(page: Page, size: int) -> tuple[list[str], str]:
    """The ids of the page, and the token of the next, where each message has about that size."""

    def convert(row: str) -> product_pb2.Product:
        return product_pb2.Product(id=row, description="x" * size)

    messages, token = page_of_messages(ROWS, page, convert=convert, key=lambda row: (row,))
    return [message.id for message in messages], token


def test_small_messages_fill_the_page() -> None:
    ids, token = _pages(page_of(100, ""), 10)
    assert ids == ROWS[:100]
    assert page_of(100, token).after == (ROWS[99],)


def test_large_messages_end_it_early() -> None:
    ids, token = _pages(page_of(100, ""), MAX_PAGE_BYTES // 3)
    assert ids == ROWS[:2]
    assert page_of(100, token).after == (ROWS[1],)


def test_one_message_is_sent_however_large() -> None:
    ids, token = _pages(page_of(100, ""), MAX_PAGE_BYTES)
    assert ids == ROWS[:1]
    assert token


def test_the_last_page_asks_for_no_other() -> None:
    messages, token = page_of_messages(
        ROWS[:5], page_of(100, ""), convert=lambda row: product_pb2.Product(id=row), key=lambda row: (row,)
    )
    assert (len(messages), token) == (5, "")
