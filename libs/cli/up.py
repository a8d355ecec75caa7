"""`tollkeeper up`: its options."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.errors import PlatformError

# Named here once more, since what runs them is slow to import.
SERVICES = ("catalog", "metering", "entitlements", "billing")
GREATEST_PORT = 65_535
# More only wait for each other on one machine.
MOST_REPLICAS = 8


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".tollkeeper"),
    envvar="TOLLKEEPER_DATA",
    show_default=True,
    show_envvar=True,
    help="The folder of all data; the next `up` finds them again.",
)
@click.option(
    "--port-base",
    type=click.IntRange(1, 65532),
    default=7401,
    show_default=True,
    help="The port of catalog; metering, entitlements and billing take the next three.",
)
@click.option(
    "--replicas",
    "replicas",
    type=(click.Choice(SERVICES), click.IntRange(1, MOST_REPLICAS)),
    multiple=True,
    metavar="SERVICE COUNT",
    help="Run so many processes of a service side by side; the further ones take the ports after the services'. May be repeated.",
)
@click.option("--free-ports", is_flag=True, help="Take ports that are free, whichever they are.")
@click.option(
    "--postgres-url",
    envvar="TOLLKEEPER_POSTGRES_URL",
    show_envvar=True,
    help="Use this PostgreSQL server (postgresql://user:password@host:5432) instead of the embedded one.",
)
@click.option(
    "--nats-url",
    envvar="TOLLKEEPER_NATS_URL",
    show_envvar=True,
    help="Use this NATS server (nats://host:4222) instead of the embedded one.",
)
def up(
    data: Path,
    port_base: int,
    *,
    replicas: Sequence[tuple[str, int]],
    free_ports: bool,
    postgres_url: str | None,
    nats_url: str | None,
) -> None:
    """Run catalog, metering, entitlements and billing with their PostgreSQL and NATS.

    Everything listens on 127.0.0.1 only. What dies is started again. Ctrl-C stops all of it, in order; the data stay.
    Exit code 0 after Ctrl-C, 1 if something could not be started or kept running.
    """
    # Not at the top: it brings gRPC and the database driver with it, and `tollkeeper --help` is quick.
    from cli.foreground import run

    ports = None if free_ports else port_base
    further = sum(count - 1 for count in dict(replicas).values())
    if ports is not None and ports + len(SERVICES) - 1 + further > GREATEST_PORT:
        raise click.BadParameter(
            "It leaves too few ports for the replicas: choose a smaller one.", param_hint="--port-base"
        )
    try:
        run(data, port_base=ports, replicas=dict(replicas), postgres_url=postgres_url, nats_url=nats_url)
    except PlatformError as error:
        raise click.ClickException(str(error)) from error
