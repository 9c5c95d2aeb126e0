"""Renders pages: the Jinja environment, and the values for every template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Names
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse

from orders_pipeline.api.callers.access import Caller, Known
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.protocol.headers import PAGE_POLICY
from orders_pipeline.base.amounts.money import line_amount
from orders_pipeline.base.model import Scope
from orders_pipeline.base.text.numbers import counted, number
from orders_pipeline.base.version import VERSION
from orders_pipeline.console import formats
from orders_pipeline.console.now.header import header_of
from orders_pipeline.console.now.shared import SharedState
from orders_pipeline.console.rendering.csrf import csrf_token, require_session, user_of
from orders_pipeline.console.rendering.navigation import SECTIONS
from orders_pipeline.console.rendering.static_files import STATIC_URL, icon, static_url
from orders_pipeline.console.texts import texts

# The same as in tokens.css.
FONT = "vendor/inter/inter-latin.woff2?v=5.3.0"
# Without a referrer, browsers would send forms with `Origin: null`, like those of another site.
HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Referrer-Policy": "same-origin"}
FILTERS = (
    "day",
    "duration",
    "money",
    "month",
    "percent",
    "readable",
    "sentence",
    "short",
    "signed_percent",
    "words",
)


@cache
def environment_of(zone: ZoneInfo) -> Environment:
    """Returns the templates, which show times in this time zone."""
    made = Environment(
        loader=PackageLoader("orders_pipeline.console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(formats, name) for name in FILTERS})
    made.filters.update(counted=counted, number=number)
    made.filters["local_time"] = lambda value: formats.local_time(value, zone)
    made.filters["exact_time"] = lambda value: formats.exact_time(value, zone)
    made.filters["iso_time"] = lambda value: formats.moment(value).isoformat()
    made.filters["coded"] = formats.coded
    made.filters["list_price"] = line_amount
    made.filters["fill"] = lambda text, /, **values: text.format(**values)
    made.globals.update(
        t=texts(),
        sections=SECTIONS,
        icon=icon,
        static=static_url,
        font=f"{STATIC_URL}/{FONT}",
        days=formats.days,
        version=VERSION,
        zone=str(zone),
        address=_address,
        url=url,
    )
    return made


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Renders a page or a part of one. Every template gets the request's path, query and user."""
    environment: Environment = request.app.state.environment
    known = {
        "path": request.url.path,
        "query": request.query_params,
        "csrf_token": csrf_token(request),
        "user": user_of(request),
        "section": "",
        "caller": None,
        "may_operate": False,
        "header": None,
        "base": "dialog_layout.html" if request.headers.get("hx-request") else "layout.html",
        "back": _way_back(request),
        **values,
    }
    text = environment.get_template(template).render(known)
    return HTMLResponse(text, status, HEADERS)


def _way_back(request: Request) -> str:
    """Returns the page on which a dialog was opened."""
    opened_on = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer") or "/")
    path = opened_on.path if opened_on.path.startswith("/") else "/"
    return path + (f"?{opened_on.query}" if opened_on.query else "")


@dataclass(frozen=True, slots=True)
class View:
    """A request for a page, and its user."""

    request: Request
    context: ApiContext
    caller: Caller | None

    @property
    def shared(self) -> SharedState:
        """The values that all pages share."""
        shared: SharedState = self.request.app.state.shared
        return shared

    @property
    def may_operate(self) -> bool:
        """Whether the user may change something."""
        return self.caller is not None and Scope.OPERATE in self.caller.scopes

    def page(self, template: str, section: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Renders a page of a section."""
        known = {"section": section, "caller": self.caller, "may_operate": self.may_operate}
        header = header_of(self.shared, self.context)
        return render(self.request, template, status, header=header, **known, **values)


def _view(request: Request, context: Context, caller: Known) -> View:
    require_session(request)
    return View(request, context, caller)


Shown = Annotated[View, Depends(_view)]


@pass_context
def _address(names: Names, **changes: object) -> str:
    """Returns the address of this page with changed parameters; those that are None are left out."""
    query: QueryParams = names["query"]
    return url(names["path"], **{**query, **changes})


def url(path: str, **parameters: object) -> str:
    """Returns an address. Parameters that are None or empty are left out."""
    kept = {name: value for name, value in parameters.items() if value is not None and value != ""}
    return path + (f"?{urlencode(kept)}" if kept else "")
