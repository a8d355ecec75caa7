"""What `tollkeeper apply` does with a file that was read: compare, show, ask, apply."""

from typing import Final

import click
import grpc
from rich.console import Console

from cli.apply_touch import show_whom_it_touches
from cli.apply_view import differs, printable, published, show
from cli.catalog_file import CatalogFile
from cli.catalog_file_problem import Problem, counted
from kit.client import open_channel
from kit.errors import DETAIL_BYTES_HEADER, MAX_DETAIL_BYTES, RemoteRefusal, refusal_of
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb
from tollkeeper.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub

# The greatest catalog is compared in a few seconds; one document waits for the one before it.
_TIMEOUT_SECONDS: Final = 60.0
NOTHING_CHANGED: Final = "Nothing was changed."
_NOT_KNOWN: Final = "Whether it applied the file is not known: run the command again, an equal file changes nothing."


class Refused(Exception):  # noqa: N818 - it is an answer, and named so.
    """The catalog was not made equal to the file.

    Attributes:
        message: Whole sentences: what is wrong and what to do.
        problems: Where in the file, by line.
    """

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems


async def run(file: CatalogFile, *, name: str, address: str, billing: str, dry_run: bool, ask: bool) -> None:
    """Shows the difference and whom it touches and, unless `dry_run`, applies it; with `ask` only after a yes.

    Raises:
        Refused: The catalog refused the file, or is away, or the answer was no.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    _check_address(address, example="127.0.0.1:7401")
    _check_address(billing, example="127.0.0.1:7404")
    async with open_channel(address) as channel:
        stub = CatalogServiceStub(channel)
        if file.problems:
            raise await _with_the_catalogs(stub, file, address=address)
        difference = await _call(stub, file, address=address, validate_only=True)
        console.print(f"{name} compared with the catalog at {address}:")
        show(console, difference)
        await show_whom_it_touches(console, difference, billing=billing, carry=file.request.carry_entitlements)
        if not differs(difference):
            console.print("The catalog is as the file says.")
        elif dry_run:
            console.print(f"{NOTHING_CHANGED} Without --dry-run the difference is applied.")
        elif ask and not click.confirm("Apply this?"):
            raise Refused(NOTHING_CHANGED)
        else:
            applied = await _call(stub, file, address=address, validate_only=False)
            if list(applied.changes) != list(difference.changes):
                console.print("The catalog was changed meanwhile by somebody else; this is what was applied:")
                show(console, applied)
            versions = published(applied)
            console.print(f"Applied. Published: {versions}." if versions else "Applied. Nothing got a new version.")


def _check_address(address: str, *, example: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise Refused(f"The address {address!r} must look like host:port, for example {example}. {NOTHING_CHANGED}")


async def _with_the_catalogs(stub: CatalogServiceStub, file: CatalogFile, *, address: str) -> Refused:
    """The file's own problems together with those that the catalog finds in the rest of it, if it can be asked."""
    try:
        await _call(stub, file, address=address, validate_only=True)
    except Refused as refused:
        if refused.problems:
            return refused
    return Refused(f"{counted(file.problems)}. {NOTHING_CHANGED}", file.problems)


async def _call(
    stub: CatalogServiceStub, file: CatalogFile, *, address: str, validate_only: bool
) -> pb.ApplyCatalogResponse:
    request = pb.ApplyCatalogRequest()
    request.CopyFrom(file.request)
    request.validate_only = validate_only
    # Every mistake is to arrive, not the first few.
    metadata = ((DETAIL_BYTES_HEADER, str(MAX_DETAIL_BYTES)),)
    try:
        return await stub.ApplyCatalog(request, timeout=_TIMEOUT_SECONDS, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise _refused(file, refusal_of(error), address=address, validate_only=validate_only) from error


def _refused(file: CatalogFile, refusal: RemoteRefusal, *, address: str, validate_only: bool) -> Refused:
    if refusal.violations:
        placed = [violation for violation in refusal.violations if violation.path]
        found = (file.problem(violation.path, violation.message) for violation in placed)
        problems = sorted({*file.problems, *(problem for problem in found if problem is not None)})
        more = "".join(f" ({violation.message})" for violation in refusal.violations if not violation.path)
        return Refused(f"{counted(problems)}{more}. {NOTHING_CHANGED}", tuple(problems))
    message, known = _explained(refusal, address)
    return Refused(f"{message} {NOTHING_CHANGED if known or validate_only else _NOT_KNOWN}")


def _explained(refusal: RemoteRefusal, address: str) -> tuple[str, bool]:
    """What happened and what to do; and whether it is known that nothing was changed."""
    match refusal.code:
        case grpc.StatusCode.UNAVAILABLE if not refusal.reason:
            message = f"No catalog answers at {address}: start the platform with `tollkeeper up`, or say --catalog."
            return message, False
        case grpc.StatusCode.UNAVAILABLE:
            return f"The catalog at {address} cannot reach its database: try again in a moment.", False
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"The catalog at {address} did not answer within {_TIMEOUT_SECONDS:.0f} seconds.", False
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"What answers at {address} is not the catalog: name its address with --catalog.", True
        case _:
            said = printable(refusal.message) or refusal.code.name
            return f"The catalog at {address} refused ({refusal.reason or refusal.code.name}): {said}", False
