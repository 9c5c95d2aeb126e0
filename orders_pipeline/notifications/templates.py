"""Renders notices from templates: the shop's own ones, otherwise the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from email.policy import SMTP
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.base.text.printable import printable_line

BUILT_IN = Path(__file__).with_name("templates")
SUBJECT = "Subject:"
ENGLISH = "en"
# Message bodies are encoded as 7-bit text, because not every mail server accepts other bytes.
POLICY = SMTP.clone(cte_type="7bit")


class NoticeTemplateError(ValueError):
    """A template is missing or cannot be rendered; the message is the reason, without personal data."""


class Rendered(NamedTuple):
    """The subject and the text of a notice."""

    language: str
    subject: str
    text: str
    html: str


class NoticeTemplates:
    """Templates by event and language, such as `de/order.completed.html`.

    A template in the shop's folder replaces the built-in one of the same name.
    """

    def __init__(self, folder: Path) -> None:
        self._folders = (folder, BUILT_IN)
        loader = ChoiceLoader([FileSystemLoader(one) for one in self._folders])
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader,
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        self._environments: dict[tuple[str, str], Environment] = {}

    def language_for(self, event: str, *wanted: str | None) -> str:
        """Returns the first language that has templates for an event, otherwise English."""
        known = (one for one in wanted if one and one.isalnum() and self._has(f"{one}/{event}.txt"))
        return next(known, ENGLISH)

    def render(self, event: str, language: str, values: Mapping[str, Any], currency: str) -> Rendered:
        """Renders the notice of an event.

        Raises:
            NoticeTemplateError: a template is missing or cannot be rendered.
        """
        environment = self._environment_for(language, currency)
        try:
            text = environment.get_template(f"{language}/{event}.txt").render(values, language=language)
            subject, body = _divided(text)
            html = environment.get_template(f"{language}/{event}.html").render(
                values, language=language, subject=subject
            )
        except (TemplateError, TypeError, ValueError, ArithmeticError, OSError) as error:
            why = printable_line(message_of(error))
            raise NoticeTemplateError(f"{language}/{event}: {type(error).__name__}: {why}") from error
        return Rendered(language, subject, body, html)

    def _environment_for(self, language: str, currency: str) -> Environment:
        if (language, currency) not in self._environments:
            environment = self._environment.overlay()
            environment.filters = {**environment.filters, **_filters(language, currency)}
            self._environments[language, currency] = environment
        return self._environments[language, currency]

    def _has(self, name: str) -> bool:
        return any((folder / name).is_file() for folder in self._folders)


def _divided(text: str) -> tuple[str, str]:
    head, _, body = text.lstrip().partition("\n")
    if not head.startswith(SUBJECT):
        raise ValueError(f"the first line does not begin with `{SUBJECT}`")
    return printable_line(head.removeprefix(SUBJECT).strip()), body.strip() + "\n"


def _filters(language: str, currency: str) -> dict[str, Callable[..., str]]:
    locale = _locale(language)

    def money(amount: Decimal) -> str:
        return format_currency(amount, currency, locale=locale)

    def number(amount: Decimal) -> str:
        return format_decimal(amount, locale=locale)

    def day(when: date) -> str:
        return format_date(when, "long", locale=locale)

    return {"money": money, "number": number, "day": day}


@cache
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(ENGLISH)
