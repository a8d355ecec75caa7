"""The `tollkeeper` command."""

import click

from cli.apply import apply
from cli.migrate import migrate
from cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tollkeeper", prog_name="tollkeeper")
def main() -> None:
    """Run and operate Tollkeeper, the pricing platform."""


main.add_command(apply)
main.add_command(migrate)
main.add_command(up)


if __name__ == "__main__":
    main()
