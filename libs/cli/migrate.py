"""`tollkeeper migrate`: the subscriptions of a plan to its newest version."""

import asyncio

import click


@click.command()
@click.argument("plan_id")
@click.option("--now", is_flag=True, help="Now, prorated; else at the ends of their periods.")
@click.option(
    "--billing",
    "address",
    default="127.0.0.1:7404",
    envvar="TOLLKEEPER_BILLING_ADDRESS",
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where billing listens.",
)
def migrate(plan_id: str, *, now: bool, address: str) -> None:
    """Move the live subscriptions of a plan to its newest version.

    Those that cannot be moved are named with their reasons and stay as they are: the exit code is then 1. Running it again
    changes nothing twice.
    """
    # Not at the top: they bring gRPC with them, and `tollkeeper --help` is quick.
    from cli.migrate_run import Refused, run

    try:
        failed = asyncio.run(run(plan_id, address=address, now=now))
    except Refused as refused:
        raise click.ClickException(str(refused)) from refused
    if failed:
        raise click.exceptions.Exit(1)
