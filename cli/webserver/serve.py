"""Dagster's webserver behind this project's rules: `python -m cli.webserver.serve ACCESS ARGUMENT...`.

ACCESS is `open`, or the scope that a key needs: `operate`, or `read` for the read-only webserver.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from cli.context import open_store
from cli.dagster_server import main as serve
from cli.webserver.keys import Keys
from cli.webserver.links import OPEN
from cli.webserver.own_site import OwnSiteOnly
from cli.webserver.sign_in import SignIn
from orders_pipeline.api.callers.access import api_key
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import Settings, load_settings


def main() -> None:
    """Serves until SIGTERM."""
    access = sys.argv.pop(1)
    settings = load_settings()
    sys.argv[1:1] = ["dagster-webserver"]
    if access == OPEN:
        _serve_behind(lambda app, _: OwnSiteOnly(app, settings.host_names))
        return
    with _keys(settings, Scope(access)) as keys:
        _serve_behind(lambda app, port: OwnSiteOnly(SignIn(app, keys, f"orders_{port}"), settings.host_names))


def _serve_behind(rules: Callable[[ASGIApp, int], ASGIApp]) -> None:
    """Runs Dagster's command, with its application behind these rules.

    The command passes its application to uvicorn. `orders up` checks that the sign-in is active.
    """
    run = uvicorn.run

    def run_behind(app: ASGIApp, *, port: int, **options: Any) -> None:
        run(rules(app, port), port=port, **options)

    uvicorn.run = run_behind  # type: ignore[assignment]
    serve()


@contextmanager
def _keys(settings: Settings, scope: Scope) -> Iterator[Keys]:
    with open_store(settings) as engine:
        yield Keys(settings.home / "run", api_key(settings.api_key, settings.home), engine, scope)


if __name__ == "__main__":
    main()
