"""``python -m <service> serve | migrate``, and what else a service offers its operator.

What a command does not need is not imported: a platform on one machine starts eight of these processes.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from sqlalchemy.exc import OperationalError

from kit import logs
from kit.settings import ServiceSettings, StartError, load

# gRPC's own log line beside an error that we report in a sentence helps nobody. Read when grpc is first imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def main(name: str, settings_type: type[ServiceSettings], *, further: Sequence[str] = ()) -> None:
    """Serves by `<name>.wiring.wire`, or migrates by the package `<name>.migrations`.

    A further command is a module of the service: its `arguments` reads the words after the command, or ends the process with
    a sentence on how to use it, and its `run` takes the settings and what was read, and gives the exit status.

    Ends with status 0, or 1 and a sentence on what to mend.
    """
    command, *words = sys.argv[1:] or [""]
    if command not in {"serve", "migrate", *further} or (words and command not in further):
        sys.exit(f"usage: python -m {name} {' | '.join(('serve', 'migrate', *further))}")
    try:
        module = import_module(f"{name}.{command}") if command in further else None
        # How to use a command is told without an environment.
        arguments = None if module is None else module.arguments(words)
        settings = load(settings_type)
        logs.configure(name, settings.log_level)
        if module is not None:
            sys.exit(module.run(settings, arguments))
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
