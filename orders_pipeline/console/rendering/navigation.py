"""The sections of the console, in the order in which the navigation shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the console. `name` is also the name of its text in `texts/frame.toml`."""

    name: str
    url: str
    icon: str


SECTIONS = (
    Section("overview", "/", "layout-dashboard"),
    Section("files", "/files", "file-text"),
    Section("orders", "/orders", "receipt-text"),
    Section("failed", "/failed", "triangle-alert"),
    Section("customers", "/customers", "users"),
    Section("products", "/products", "package"),
    Section("reports", "/reports", "chart-column"),
    Section("operations", "/operations", "activity"),
    Section("settings", "/settings", "settings"),
)
