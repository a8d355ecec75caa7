"""A service that is only healthy, or what the variable FAKE_<NAME> says: `python fake_service.py NAME migrate|serve`."""

import json
import os
import signal
import sys


def main(name: str, command: str) -> None:
    mood = os.environ.get(f"FAKE_{name.upper()}", "")
    print(json.dumps({key: value for key, value in os.environ.items() if key.startswith("TOLLKEEPER_")}), flush=True)
    match command, mood:
        case "migrate", "cannot migrate":
            sys.exit('column "price" does not exist')
        case "migrate", _:
            migrate()
        case "serve", "dies":
            sys.exit("cannot read the future")
        case "serve", _:
            serve()


def migrate() -> None:
    """Leaves a row for each run, by which a test sees whether data were found again."""
    import psycopg

    url = os.environ["TOLLKEEPER_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        # As the real ones do: replicas migrate at the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (at timestamptz)")
        connection.execute("INSERT INTO migrations VALUES (now())")


def serve() -> None:
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from grpc_health.v1 import health, health_pb2_grpc

    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.so_reuseport", 0),))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    server.add_insecure_port(os.environ["TOLLKEEPER_LISTEN"])
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    server.start()
    signal.sigwait([signal.SIGTERM])
    server.stop(grace=0).wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
