"""The page on which a person maps a file's columns. Each change shows the resulting orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.callers.access import Operator
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.console.page_data.looked_at import look_at_file
from orders_pipeline.console.page_data.mapped import (
    MAPPED,
    Draft,
    chosen_in,
    draft_of,
    mapped_fields,
    mapped_instructions,
    mapped_toml,
    suggested_name,
)
from orders_pipeline.console.pages.new_file import choices, refused_page, whole_upload
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.order_files.columns.profile import built_in_profiles
from orders_pipeline.order_files.proposals.mapping import statuses_of
from orders_pipeline.staging.uploads import Upload

router = APIRouter(prefix="/files/new")
LONGEST_NAME = 60


@router.get("/{token}/mapping")
def mapping(view: Shown, caller: Operator, token: str) -> Response:
    """Shows every field with its column, and the resulting first orders."""
    upload = whole_upload(view, caller, token)
    query = view.request.query_params
    try:
        draft = draft_of(view.context, upload, query)
    except FileRefused as refused:
        return refused_page(view, upload, refused)
    chosen = chosen_in(draft, query)
    return view.page(
        "mapping.html",
        "files",
        upload=upload,
        columns=_columns(draft),
        groups=mapped_fields(draft, chosen),
        chosen=chosen,
        date_choices=_dates(chosen.get("dates", "")),
        means={kind: _means(kind) for kind in ("payment", "skipping")},
        currency=view.context.settings.currency,
        chosen_text=urlencode({**query, **chosen, MAPPED: "yes"}),
        statuses=statuses_of(draft.base, draft.table),
        doubts=draft.proposal.doubts if draft.proposal else (),
        name=chosen.get("name") or _name(draft, upload),
        **_looked(view, upload, draft, chosen),
        **choices(view, upload),
    )


def _columns(draft: Draft) -> list[tuple[str, str]]:
    """Returns the columns to choose from; columns with the same name are shown with their positions."""
    counts = Counter(draft.table.header)
    return [
        (str(at), texts().mapping.numbered.format(name=shown, at=at + 1) if counts[name] > 1 else shown)
        for at, name in enumerate(draft.table.header)
        if (shown := name[:LONGEST_NAME])
    ]


def _name(draft: Draft, upload: Upload) -> str:
    """Returns the name of the saved profile that is being changed, otherwise a name from the file's name."""
    is_own = draft.profile and draft.profile not in built_in_profiles()
    return draft.profile if is_own else suggested_name(upload.name)


def _dates(chosen: str) -> list[tuple[str, str]]:
    """Returns the date formats to choose from, including the one that a profile sets."""
    named = vars(texts().new_file.date_orders)
    return [*named.items(), *([(chosen, chosen)] if chosen and chosen not in named else [])]


def _means(kind: str) -> list[tuple[str, str]]:
    return [
        ("" if key == "none" else key, text) for key, text in vars(getattr(texts().mapping, kind)).items()
    ]


def _looked(view: View, upload: Upload, draft: Draft, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Returns the first orders with these choices, or what is still missing."""
    try:
        toml = mapped_toml(draft, upload, chosen)
        instructions = mapped_instructions(view.context, toml, view.request.query_params)
        return {"document": look_at_file(view.context, upload.file, instructions).document, "refused": None}
    except FileRefused as refused:
        return {"document": None, "refused": refused}
