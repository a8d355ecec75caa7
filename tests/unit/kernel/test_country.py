"""Which texts are countries."""

import pytest

from kernel.country import COUNTRIES, country
from kernel.errors import ErrorKind, TollkeeperError


def test_there_are_as_many_as_the_standard_assigns() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize("code", ["DE", "US", "GB", "NO", "ZW", "AX"])
def test_a_country_is_its_code(code: str) -> None:
    assert country(code) == code


@pytest.mark.parametrize("code", ["", "de", "DEU", "UK", "EU", "XX", "D", " DE", "276", "ДЕ"])
def test_what_is_no_country_is_refused_by_its_path(code: str) -> None:
    with pytest.raises(TollkeeperError) as refused:
        country(code, "prices[2].country")
    assert refused.value.kind is ErrorKind.INVALID_ARGUMENT
    assert [violation.path for violation in refused.value.violations] == ["prices[2].country"]
    assert "ISO 3166-1" in refused.value.violations[0].message
