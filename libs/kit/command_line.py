"""``python -m <service> serve | migrate``.

What a command does not need is not imported: a platform on one machine starts eight of these processes.
"""

import os
import sys
from importlib import import_module

from sqlalchemy.exc import OperationalError

from kit import logs
from kit.settings import ServiceSettings, StartError, load

# gRPC's own log line beside an error that we report in a sentence helps nobody. Read when grpc is first imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def main(name: str, settings_type: type[ServiceSettings]) -> None:
    """Serves by `<name>.wiring.wire`, or migrates by the package `<name>.migrations`.

    Ends with status 0, or 1 and a sentence on what to mend.
    """
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command not in {"serve", "migrate"}:
        sys.exit(f"usage: python -m {name} serve | migrate")
    try:
        settings = load(settings_type)
        logs.configure(name, settings.log_level)
        if command == "migrate":
            import_module("kit.migrate").upgrade(name, settings.database_url)
        else:
            import_module("kit.service").serve(name, settings, import_module(f"{name}.wiring").wire)
    except StartError as error:
        sys.exit(f"{name}: {error}")
    except OperationalError as error:
        sys.exit(
            f"{name}: the database cannot be used: {error.orig}\nCheck TOLLKEEPER_DATABASE_URL, and that PostgreSQL runs."
        )
