"""Chooses the programs that `orders up` runs on a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli.stack.errors import StackError
from cli.stack.programs.programs import (
    API,
    CODE_SERVER,
    DAEMON,
    EVENTS,
    FLOWER,
    REDIS,
    VIEWER,
    WEBSERVER,
    is_redis_embedded,
)
from cli.stack.programs.workers import WORKER_DEFAULT, WORKER_ORDERS
from orders_pipeline.base.settings import Settings

EVERYTHING = (
    REDIS,
    WORKER_ORDERS,
    WORKER_DEFAULT,
    CODE_SERVER,
    WEBSERVER,
    VIEWER,
    DAEMON,
    API,
    EVENTS,
    FLOWER,
)
NEEDS: Mapping[str, str] = {WEBSERVER: CODE_SERVER, VIEWER: CODE_SERVER, DAEMON: CODE_SERVER}


def roles(settings: Settings, only: Sequence[str] = ()) -> list[str]:
    """Returns the programs to run, in start order, including those that the chosen ones need.

    Raises:
        StackError: a name is unknown, or the settings disable the program.
    """
    available = [name for name in EVERYTHING if _why_off(name, settings) is None]
    for name in only:
        if name not in EVERYTHING:
            raise StackError(
                "unknown_program", f"There is no program {name!r}", f"Use one of {', '.join(EVERYTHING)}"
            )
        if reason := _why_off(name, settings):
            raise StackError("program_is_off", f"The {name} cannot run: {reason}")
    wanted = {*only, *(NEEDS[name] for name in only if name in NEEDS)} if only else set(EVERYTHING)
    return [name for name in available if name in wanted or name == REDIS]


def _why_off(name: str, settings: Settings) -> str | None:
    if name == REDIS and not is_redis_embedded(settings):
        return "ORDERS_REDIS_URL is set to another Redis"
    if name == VIEWER and not settings.viewer_port:
        return "ORDERS_VIEWER_PORT is 0"
    if name == FLOWER and not settings.flower_port:
        return "ORDERS_FLOWER_PORT is 0"
    return None
