"""Environment variables that look like settings and are none: misspelt, or of an earlier version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches

from dotenv import dotenv_values

from orders_pipeline.base.settings import Settings

PREFIX = "ORDERS_"
# Set by this project's own processes, or read by `deploy/workspace.yaml`.
OWN = {"ORDERS_CODE_SERVER_SOCKET", "ORDERS_CODE_VERSION", "ORDERS_PROGRAM", "ORDERS_STACK_HOME"}
RETIRED = dict.fromkeys(
    ("ORDERS_CODE_SERVER_HOST", "ORDERS_CODE_SERVER_PORT"), "the code server listens on a Unix socket"
)
# Kubernetes and Docker set these in containers if there is a service whose name begins with `orders`.
OF_CONTAINERS = re.compile(
    r"ORDERS_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)|ORDERS_PORT"
)


def given_variables() -> set[str]:
    """Returns the names of the variables that settings are read from: the environment and `.env`."""
    file = Settings.model_config.get("env_file")
    return {*os.environ, *(dotenv_values(file) if isinstance(file, os.PathLike) else ())}


def unused_variables(given: Iterable[str]) -> list[str]:
    """Returns a sentence for each variable that looks like a setting of this project and changes nothing."""
    names, settings = {name.upper() for name in given}, _settings()
    unknown = [name for name in names - settings - OWN if name.startswith(PREFIX)]
    return [_message(name, settings) for name in sorted(unknown) if not OF_CONTAINERS.fullmatch(name)]


def _settings() -> set[str]:
    return {f"{PREFIX}{name}".upper() for name in Settings.model_fields}


def _message(name: str, settings: set[str]) -> str:
    if reason := RETIRED.get(name):
        return f"{name} no longer has any effect: {reason}"
    near = get_close_matches(name, settings, n=1, cutoff=0.8)
    return f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")
