"""A page with all components in all their states, for people who build or review pages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.console.rendering.rendering import Shown

router = APIRouter()
COLOURS = (
    "ground",
    "raised",
    "sunk",
    "hover",
    "line",
    "ink",
    "quiet",
    "accent",
    "accent-soft",
    "good",
    "good-soft",
    "bad",
    "bad-soft",
    "warn",
    "warn-soft",
)
TONES = ("", "good", "bad", "warn", "accent")
# Names in ten scripts, which pages must be able to show.
ROWS = (
    ("1001", "Maria Köhler-Nguyễn", "completed", "good", "1234.5", "USD"),
    ("1002", "דוד לוי", "failed", "bad", "98700", "JPY"),
    ("A-1003", "محمد الأحمد", "rollback", "warn", "12.345", "KWD"),
    ("1004", "佐藤 花子", "authorized", "accent", "1000000", "EUR"),
    ("1005", "<b>Ольга & Δημήτρης</b>", "pending", "", "0", "USD"),
    ("1006", "สมชาย, प्रिया, 김민준, ნინო", "completed", "good", "7.5", "GBP"),
)


@router.get("/design")
def design(view: Shown) -> Response:
    """Shows the components."""
    return view.page("design.html", "design", colours=COLOURS, tones=TONES, rows=ROWS)
