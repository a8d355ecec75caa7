"""Settings from the environment: every mistake reported at once, naming the variable and the remedy."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "TOLLKEEPER_"


class StartError(Exception):
    """The service cannot start; the text says what to do."""


class SettingsError(StartError):
    """The environment is wrong; the text names every variable."""


def _postgres(url: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "postgresql+psycopg" or not parsed.database:
        msg = "must look like postgresql+psycopg://user@host:5432/database"
        raise ValueError(msg)
    return url


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        msg = "must look like host:port, for example 127.0.0.1:7401"
        raise ValueError(msg)
    return value


def _nats(url: str) -> str:
    if not url.startswith(("nats://", "tls://")):
        msg = "must look like nats://host:4222"
        raise ValueError(msg)
    return url


PostgresUrl = Annotated[str, AfterValidator(_postgres)]
Address = Annotated[str, AfterValidator(_address)]
NatsUrl = Annotated[str, AfterValidator(_nats)]


class ServiceSettings(BaseSettings):
    """What every service needs; a service adds its own beside."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: Annotated[
        PostgresUrl, Field(description="The service's own database: postgresql+psycopg://user@host:5432/name")
    ]
    nats_url: Annotated[NatsUrl, Field(description="The broker: nats://host:4222")]
    listen: Annotated[Address, Field(description="Where to listen: 127.0.0.1:7401")]
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="What is logged")] = "INFO"
    pool_size: Annotated[int, Field(ge=2, le=100, description="Database connections, 2–100")] = 10
    max_concurrent_rpcs: Annotated[
        int, Field(ge=10, le=100_000, description="Calls at the same time; more are refused with RESOURCE_EXHAUSTED")
    ] = 2_000
    drain_seconds: Annotated[int, Field(ge=0, le=300, description="Time for running calls to end on SIGTERM")] = 10


S = TypeVar("S", bound=ServiceSettings)


def load(settings: type[S]) -> S:
    """Reads the environment.

    Raises:
        SettingsError: Names every variable that is missing or wrong, and what it should be.
    """
    try:
        return settings()  # type: ignore[call-arg]  # the environment gives the fields.
    except ValidationError as error:
        lines = [_explain(settings, item["loc"], item["type"], item["msg"], item["input"]) for item in error.errors()]
        raise SettingsError("The environment is not right:\n" + "\n".join(lines)) from None


def _explain(settings: type[S], loc: tuple[int | str, ...], kind: str, message: str, given: object) -> str:
    name = str(loc[0])
    field = settings.model_fields.get(name)
    meaning = field.description if field is not None else ""
    variable = PREFIX + name.upper()
    if kind == "missing":
        return f"  {variable} is not set. {meaning}"
    shown = "…" if "@" in str(given) else repr(given)  # a URL may hold a password
    return f"  {variable}={shown} is wrong: {message.removeprefix('Value error, ')}. {meaning}"
