"""Laws of the consistency token and of ids."""

import base64
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import TollkeeperError
from kernel.ids import ID_PATTERN, check_id, subject_token
from kernel.token import MAX_LENGTH, MAX_REVISION, Fact, FactKind, Token

LAWS = settings(deadline=None, max_examples=100)
IDS = st.from_regex(ID_PATTERN, fullmatch=True)
REVISIONS = st.integers(0, MAX_REVISION)
FACTS = st.builds(Fact, st.sampled_from(FactKind), IDS.map(lambda value: value[:12]), REVISIONS)
FEW = st.builds(Fact, st.sampled_from(FactKind), st.sampled_from(["a", "b", "a.b"]), st.integers(0, 5))
TOKENS = st.builds(Token, REVISIONS, st.lists(FACTS | FEW, max_size=8).map(tuple))
NEAR_TOKENS = st.text(st.sampled_from("0123456789;cst=ab.-é"), max_size=24).map(
    lambda body: "tk1_" + base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
)


@LAWS
@given(TOKENS)
def test_what_is_encoded_is_decoded(token: Token) -> None:
    text = token.encode()
    assert Token.decode(text, "token") == token
    assert len(text) <= MAX_LENGTH
    assert text.replace("_", "").replace("-", "").isalnum()


@LAWS
@given(st.text() | NEAR_TOKENS | st.text().map("tk1_".__add__))
def test_any_text_is_a_token_or_a_refusal(text: str) -> None:
    try:
        token = Token.decode(text, "token")
    except TollkeeperError as refusal:
        assert (refusal.reason, refusal.violations[0].path) == ("INVALID_TOKEN", "token")  # noqa: PT017
    else:
        assert token.encode() == text


@LAWS
@given(IDS)
def test_an_id_is_one_token_of_a_subject(value: str) -> None:
    token = subject_token(check_id(value, "id"))
    assert unquote(token) == value
    assert not set(token) & set(".*> \t")


@LAWS
@given(st.text())
def test_any_text_is_an_id_or_a_refusal(text: str) -> None:
    try:
        assert check_id(text, "id") == text
    except TollkeeperError as refusal:
        assert refusal.violations[0].path == "id"  # noqa: PT017
    else:
        assert text.isascii()
        assert 1 <= len(text) <= 128
