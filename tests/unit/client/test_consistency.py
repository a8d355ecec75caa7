"""Which tokens are remembered, and which are overtaken."""

import threading

from tollkeeper.client.consistency import CURRENT, FASTEST, MAX_CUSTOMERS, Consistency, Tokens, consistency_to_proto


def write(tokens: Tokens, token: str, *customers: str, kind: str = "usage") -> None:
    """A whole write."""
    tokens.begin(kind, customers or ["acme"]).done(token)


def test_a_later_write_speaks_for_the_earlier_ones() -> None:
    tokens = Tokens()
    for number in range(100):
        write(tokens, f"t{number}")
    assert tokens.of("acme") == ("t99",)
    assert tokens.of("other") == ()


def test_writes_side_by_side_both_stay() -> None:
    tokens = Tokens()
    write(tokens, "before")
    one, other = tokens.begin("usage", ["acme"]), tokens.begin("usage", ["acme"])
    other.done("b")
    one.done("a")
    assert tokens.of("acme") == ("b", "a")
    write(tokens, "after")
    assert tokens.of("acme") == ("after",)


def test_kinds_do_not_speak_for_each_other() -> None:
    tokens = Tokens()
    write(tokens, "u1")
    write(tokens, "g1", kind="grants")
    tokens.remember("acme", "billing")
    write(tokens, "u2")
    assert tokens.of("acme") == ("g1", "billing", "u2")
    tokens.remember("acme", "billing")
    assert tokens.of("acme") == ("g1", "u2", "billing")


def test_what_wrote_nothing_is_not_remembered() -> None:
    tokens = Tokens()
    write(tokens, "t1")
    write(tokens, "")
    assert tokens.of("acme") == ("t1",)


def test_a_batch_is_remembered_of_each_of_its_customers() -> None:
    tokens = Tokens()
    write(tokens, "t1", "acme", "other")
    assert tokens.of("acme") == tokens.of("other") == ("t1",)


def test_memory_is_bounded() -> None:
    tokens = Tokens()
    for number in range(20):
        tokens.remember("acme", f"t{number}")
    assert tokens.of("acme") == tuple(f"t{number}" for number in range(4, 20))
    write(tokens, "t", *(f"customer-{number}" for number in range(MAX_CUSTOMERS)))
    assert tokens.of("acme") == ()
    assert tokens.of(f"customer-{MAX_CUSTOMERS - 1}") == ("t",)


def test_many_threads_write_and_the_last_words_stay() -> None:
    tokens = Tokens()

    def work(name: str) -> None:
        for number in range(300):
            write(tokens, f"{name}-{number}")
            assert len(tokens.of("acme")) <= 16

    workers = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    write(tokens, "last")
    assert tokens.of("acme") == ("last",)


def test_how_a_request_says_it() -> None:
    assert consistency_to_proto(FASTEST).WhichOneof("requirement") is None
    assert consistency_to_proto(CURRENT).current
    assert list(consistency_to_proto(Consistency(("a", "b"))).at_least_as_fresh.tokens) == ["a", "b"]
