"""`tollkeeper apply`: the catalog as code."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from cli.catalog_file_problem import Problem

_ADDRESS_VARIABLE: Final = "TOLLKEEPER_CATALOG_ADDRESS"
_BILLING_VARIABLE: Final = "TOLLKEEPER_BILLING_ADDRESS"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
@click.option("--yes", is_flag=True, help="Do not ask before applying.")
@click.option(
    "--catalog",
    "address",
    default="127.0.0.1:7401",
    envvar=_ADDRESS_VARIABLE,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where the catalog listens.",
)
@click.option(
    "--billing",
    default="127.0.0.1:7404",
    envvar=_BILLING_VARIABLE,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where billing listens: it says which live subscriptions the change touches.",
)
@click.option(
    "--carry-entitlements",
    "carry",
    is_flag=True,
    help="Let the entitlements (never the prices) of what is published reach the subscriptions of older versions.",
)
def apply(file: Path, address: str, billing: str, *, dry_run: bool, yes: bool, carry: bool) -> None:
    """Make the catalog equal to FILE: show the difference, then apply it in one transaction.

    FILE is a YAML file with features, products, add-ons, plans and coupons. What it does not name is left alone and
    listed. Changed plans and add-ons are published as new versions; an equal file changes nothing. For each plan that
    changes, the live subscriptions are counted, and what they would pay is compared with what they pay. On a terminal
    the command asks before it applies.

    Exit code 0 if the catalog is as the file says (or --dry-run found no mistake), 1 if anything was refused.
    """
    # Not at the top: they bring gRPC with them, and `tollkeeper --help` is quick.
    from cli.apply_run import Refused, run
    from cli.catalog_file import read_catalog_file
    from cli.catalog_file_problem import CatalogFileError, counted

    ask = not yes and sys.stdin.isatty() and sys.stdout.isatty()
    try:
        catalog_file = read_catalog_file(file)
        catalog_file.request.carry_entitlements = carry
        asyncio.run(run(catalog_file, name=str(file), address=address, billing=billing, dry_run=dry_run, ask=ask))
    except CatalogFileError as error:
        _fail(file, error.problems, f"{counted(error.problems)}. Nothing was changed.")
    except Refused as error:
        _fail(file, error.problems, error.message)


def _fail(file: Path, problems: "tuple[Problem, ...]", message: str) -> None:
    for problem in problems:
        click.echo(problem.shown(str(file)), err=True)
    click.echo(message, err=True)
    raise click.exceptions.Exit(1)
