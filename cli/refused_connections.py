"""Explains in one sentence why the order store, Redis or the broker cannot be used, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, TimeoutError

from orders_pipeline.base.telemetry.stack_trace import message_of

# Errors of SQL statements are bugs, not refusals of the database.
BUGS = ("ProgrammingError", "IntegrityError", "DataError", "NotSupportedError", "InternalError")
# Identified by the names of modules, because loading a library only for a comparison takes time.
REDIS_LIBRARY, BROKER_LIBRARIES = "redis", ("kombu", "amqp")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that can refuse connections. `code` is the code of the command's error."""

    code: str
    name: str
    setting: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason for a refusal, recognised by words in the service's message."""

    words: re.Pattern[str]
    sentence: str
    hint: str


STORE = Service("store_unavailable", "The order store", "ORDERS_DATABASE_URL")
REDIS = Service("redis_unavailable", "Redis", "ORDERS_REDIS_URL")
BROKER = Service("broker_unavailable", "The broker", "ORDERS_BROKER_URL")


def _refusal(words: str, sentence: str, hint: str) -> Refusal:
    return Refusal(re.compile(words, re.IGNORECASE), sentence, hint)


# The first entry that matches is used. `{setting}` is replaced with the name of the setting for the service's
# URL.
REFUSALS = (
    _refusal(
        "password authentication failed|no password supplied|WRONGPASS|NOAUTH|Authentication required"
        "|invalid (username-password|password)|without any password configured|ACCESS_REFUSED|NOPERM"
        "|already authenticated",
        "refuses the user or the password",
        "Correct user and password in {setting}, then run `orders up`: running programs keep the old URL.",
    ),
    _refusal(
        r"role \S+ does not exist",
        "does not know the user",
        "Correct the user in {setting}, or create it.",
    ),
    _refusal(
        r"database \S+ does not exist|vhost \S+ not found|DB index is out of range|invalid DB index",
        "has no database of this name",
        "Correct the name at the end of {setting}, or create the database (RabbitMQ: the virtual host).",
    ),
    _refusal(
        "no pg_hba.conf entry|access to vhost|permission denied for",
        "does not allow this user to use the database",
        "Allow it there (pg_hba.conf, GRANT, `rabbitmqctl set_permissions`), or name another user in "
        "{setting}.",
    ),
    _refusal(
        "too many (clients|connections)|connection slots are reserved|max number of clients|QueuePool limit"
        "|connection_max",
        "has no free connection",
        "Close other programs, run fewer workers (ORDERS_WORKER_PROCESSES), or raise the limit there "
        "(PostgreSQL: max_connections, Redis: maxclients).",
    ),
    _refusal(
        r"\bOOM\b|maxmemory|out of memory",
        "has no memory left",
        "Raise its limit (Redis: maxmemory), or free memory. Work then continues automatically.",
    ),
    _refusal(
        "No space left|database or disk is full|disk.?full|MISCONF",
        "has no space left on its disk",
        "Free space on that disk. Work then continues automatically.",
    ),
    _refusal(
        "read.?only|READONLY|NOREPLICAS",
        "takes no writes",
        "A server: name the primary in {setting}, not a replica. A file: check its permissions, and whether "
        "its disk is mounted read-only.",
    ),
    _refusal(
        r"starting up|shutting down|recovery mode|\bLOADING\b|\bBUSY\b",
        "is starting or stopping",
        "Try again in a moment.",
    ),
    _refusal(
        "disk I/O error",
        "cannot read or write its disk",
        "Check whether that disk is full or broken. With free space, work continues automatically.",
    ),
    _refusal(
        "malformed|not a database",
        "is damaged",
        "Check the disk. `orders restore` brings back the last backup; `docs/upkeep.md` says how.",
    ),
    _refusal(
        "database is locked",
        "is locked by another program",
        "Close the program that has the file open, such as a database browser, and try again.",
    ),
    _refusal(
        "unable to open database file",
        "cannot be opened",
        "Check that its folder exists and that this user may write there.",
    ),
    _refusal(
        r"certificate|\bSSL|\bTLS",
        "cannot be reached over TLS",
        "Check the certificate and the host's name in {setting}.",
    ),
    _refusal(
        "could not translate host name|Name or service not known|getaddrinfo|name resolution",
        "has a host name that cannot be found",
        "Correct the host in {setting}, or check the network.",
    ),
)
FULL = re.compile("No space left|quota exceeded", re.IGNORECASE)
AWAY = _refusal("", "cannot be used", "Check {setting} and that the service runs.")


def refused_connection(error: BaseException) -> tuple[str, str, str] | None:
    """Returns code, sentence and hint for a connection error; None for any other error."""
    service = _service(error)
    if service is None:
        return None
    said = " ".join(str(one) for one in _causes(error))
    refusal = next((one for one in REFUSALS if one.words.search(said)), AWAY)
    sentence = f"{service.name} {refusal.sentence}: {message_of(error).strip()}"
    return service.code, sentence, refusal.hint.format(setting=service.setting)


def _service(error: BaseException) -> Service | None:
    if isinstance(error, (TimeoutError, DBAPIError)):
        return STORE if _is_refusal(error) else None
    library = type(error).__module__.partition(".")[0]
    if library == REDIS_LIBRARY:
        return REDIS
    if library in BROKER_LIBRARIES:
        return BROKER
    if isinstance(error, ConnectionError):
        others = (cause for cause in _causes(error) if type(cause).__module__ != "builtins")
        return next((found for cause in others if (found := _service(cause))), None)
    return None


def _is_refusal(error: TimeoutError | DBAPIError) -> bool:
    message = str(error.orig) if isinstance(error, DBAPIError) else ""
    return type(error).__name__ not in BUGS or any(one.words.search(message) for one in REFUSALS)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one.orig if isinstance(one, DBAPIError) and one.orig else one
        one = one.__cause__ or one.__context__
