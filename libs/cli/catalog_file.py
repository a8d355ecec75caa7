"""A catalog as a YAML file: the whole of it as the message that `ApplyCatalog` takes, and where everything stands.

The file is read by the contract's own descriptors: its keys are the fields of `Feature`, `Product`, `AddOn`, `Plan`,
`Coupon` and what is in them, so that what the contract can say the file can say, in the same words.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.catalog_file_problem import CatalogFileError, Problem
from cli.catalog_file_reader import Place, Reader
from cli.catalog_file_yaml import compose
from tollkeeper.catalog.v1 import catalog_service_pb2

# The catalog takes messages of 4 MiB, and a file says the same in more words.
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024

# Which fields name which things.
_REFERENCES: Final = (
    ("features", re.compile(r"\.feature_id$")),
    ("products", re.compile(r"\.product_id$")),
    ("plans", re.compile(r"\.base_plan_id$")),
    ("add_ons", re.compile(r"\.(compatible|required)_add_on_ids\[[0-9]+\]$")),
)
_LAST_STEP = re.compile(r"(\.[^.\[\]]+|\[[0-9]+\]|^[^.\[\]]+)$")


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A file as far as it could be read.

    Attributes:
        request: What it asks for; `validate_only` is the caller's to set. With problems, only what could be read.
        problems: What is wrong with the file alone.
    """

    request: catalog_service_pb2.ApplyCatalogRequest
    problems: tuple[Problem, ...]
    _reader: Reader

    def problem(self, field: str, message: str) -> Problem | None:
        """A mistake that the catalog found in a field of the request, where it stands in the file.

        None for an echo: a mistake that only is one because the file's own problems left something out.
        """
        step = field
        while step and step not in self._reader.places:
            step = _without_last_step(step)
        if self._is_echo(field, step):
            return None
        place = self._reader.places.get(step, Place(1, 1, ""))
        rest = field[len(step) :]
        return Problem(place.line, place.column, f"{place.path}{rest}".lstrip("."), message)

    def _is_echo(self, field: str, present: str) -> bool:
        missing = field[len(present) :].lstrip(".").partition(".")[0].partition("[")[0]
        if missing in self._reader.misspelt.get(present, ()):
            return True
        step = field
        while step:
            if step in self._reader.broken:
                return True
            step = _without_last_step(step)
        # A thing whose id could not be read is missed by those that name it.
        return any(reference.search(field) and self._misses_ids(things) for things, reference in _REFERENCES)

    def _misses_ids(self, things: str) -> bool:
        listed = re.compile(rf"{things}(\[[0-9]+\](\.(plan|add_on))?(\.id)?)?")
        if any(listed.fullmatch(path) or not path for path in self._reader.broken):
            return True
        return any(
            (things in names and not path) or ("id" in names and listed.fullmatch(path) is not None)
            for path, names in self._reader.misspelt.items()
        )


def read_catalog_file(path: Path) -> CatalogFile:
    """Reads a catalog file, as far as it can be read.

    Raises:
        CatalogFileError: Nothing of it can be read; names every problem up to that place.
    """
    root, problems = compose(_text(path))
    if root is None:
        raise CatalogFileError(
            [*problems, Problem(1, 1, "", "is empty: write features, products, add_ons, plans or coupons")]
        )
    reader = Reader(problems)
    request = catalog_service_pb2.ApplyCatalogRequest()
    reader.read(root, request)
    if request.ByteSize() > MAX_REQUEST_BYTES:
        message = f"is too large: the catalog takes {MAX_REQUEST_BYTES:,} bytes at a time"
        raise CatalogFileError([*problems, Problem(0, 0, "", message)])
    return CatalogFile(request, tuple(sorted(problems)), reader)


def _without_last_step(field: str) -> str:
    last = _LAST_STEP.search(field)
    return field[: last.start()] if last is not None else ""


def _text(path: Path) -> str:
    try:
        data = _bytes(path)
    except OSError as error:
        raise CatalogFileError([Problem(0, 0, "", f"cannot be read: {error.strerror or error}")]) from error
    if len(data) > MAX_FILE_BYTES:
        raise CatalogFileError([Problem(0, 0, "", f"is too large: at most {MAX_FILE_BYTES:,} bytes are read")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        raise CatalogFileError(
            [Problem(line, column, "", "is not UTF-8 from here on: save the file as UTF-8")]
        ) from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)
