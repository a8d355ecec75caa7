"""The consistency token: round trip, merging, bounds, and refusing what we did not write."""

import base64

import pytest

from kernel.errors import ErrorKind, TollkeeperError
from kernel.token import MAX_FACTS, MAX_LENGTH, MAX_REVISION, Fact, FactKind, Token

CUSTOMER = Fact(FactKind.CUSTOMER, "cus_1", 5)
SUBSCRIPTION = Fact(FactKind.SUBSCRIPTION, "sub_1", 7)


def forged(body: str) -> str:
    return "tk1_" + base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        Token(),
        Token(usage=MAX_REVISION),
        Token(12, (CUSTOMER, SUBSCRIPTION)),
        Token.of(FactKind.TEST_CLOCK, "a.b|c:d@e_f-g", revision=0),
        Token(1, tuple(Fact(FactKind.CUSTOMER, f"cus_{n:026}", MAX_REVISION) for n in range(MAX_FACTS // 2))),
    ],
)
def test_round_trip(token: Token) -> None:
    text = token.encode()
    assert len(text) <= MAX_LENGTH
    assert Token.decode(text, "token") == token


def test_the_format_is_kept() -> None:
    assert Token(12, (SUBSCRIPTION, CUSTOMER)).encode() == forged("12;ccus_1=5;ssub_1=7")


def test_facts_are_kept_once_each_in_order_with_the_greatest_revision() -> None:
    older = Fact(FactKind.CUSTOMER, "cus_1", 4)
    assert Token(0, (SUBSCRIPTION, CUSTOMER, older)) == Token(0, (older, CUSTOMER, SUBSCRIPTION))
    assert Token(0, (CUSTOMER, older)).facts == (CUSTOMER,)


def test_a_thing_that_is_not_named_is_not_asked_for() -> None:
    token = Token(3, (CUSTOMER, SUBSCRIPTION))
    assert token.revision(FactKind.SUBSCRIPTION, "sub_1") == 7
    assert token.revision(FactKind.TEST_CLOCK, "cus_1") == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tk1_",
        "tk1_A",
        "tk2_MA",
        "MA",
        "tk1_MA=",
        "tk1_MB",  # decodes like tk1_MA, but is not what we write
        "tk1_MA\n",
        "tk1_é",
        "\ud800",
        "\x00",
        "tk1_" + "M" * MAX_LENGTH,
        forged("-1"),
        forged("01"),
        forged(str(MAX_REVISION + 1)),
        forged("0;"),
        forged("0;xcus_1=1"),
        forged("0;ccus_1"),
        forged("0;ccus_1=-1"),
        forged("0;ccus_1=01"),
        forged(f"0;ccus_1={MAX_REVISION + 1}"),
        forged("0;c_bad=1"),
        forged("0;c=1"),
        forged("0;ssub_1=1;ccus_1=1"),  # not in order
        forged("0;ccus_1=1;ccus_1=2"),
        forged("".join(["0", *(f";c{n:03}=1" for n in range(MAX_FACTS + 1))])),
        forged("٣"),
    ],
)
def test_refuses_what_we_did_not_write(text: str) -> None:
    with pytest.raises(TollkeeperError) as refusal:
        Token.decode(text, "consistency.token")
    assert refusal.value.kind is ErrorKind.INVALID_ARGUMENT
    assert refusal.value.reason == "INVALID_TOKEN"
    assert refusal.value.violations[0].path == "consistency.token"


def test_a_token_is_bounded() -> None:
    with pytest.raises(TollkeeperError, match="at most 64 things"):
        Token(0, tuple(Fact(FactKind.CUSTOMER, f"c{n}", 1) for n in range(MAX_FACTS + 1)))
    long = Token(0, tuple(Fact(FactKind.CUSTOMER, f"{n:0128}", 1) for n in range(MAX_FACTS)))
    with pytest.raises(TollkeeperError, match="at most 4096 characters"):
        long.encode()


@pytest.mark.parametrize("revision", [-1, MAX_REVISION + 1])
def test_revisions_are_bounded(revision: int) -> None:
    with pytest.raises(ValueError, match="revision"):
        Token(revision)
    with pytest.raises(ValueError, match="revision"):
        Token.of(FactKind.CUSTOMER, "cus_1", revision=revision)
