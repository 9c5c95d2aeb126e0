"""Every alert has a runbook and a row in the documents, and the rules refer to existing runbooks."""

from __future__ import annotations

import re

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.monitoring.alerts.alert_rules import AlertName

DOCS = PROJECT_ROOT / "docs"
SECTIONS = dict(re.findall(r"^## (.+)\n([^#]*)", (DOCS / "runbooks.md").read_text(), flags=re.MULTILINE))
PARTS = ("**Meaning**", "**Check**", "**Fix**", "**Ends**")


@pytest.mark.parametrize("name", AlertName)
def test_every_alert_has_a_runbook_with_all_its_parts(name: AlertName) -> None:
    assert [part for part in PARTS if part not in SECTIONS[name]] == []


@pytest.mark.parametrize("name", AlertName)
def test_every_alert_is_in_the_table_of_alerts(name: AlertName) -> None:
    assert f"| `{name}` |" in (DOCS / "monitoring.md").read_text()


def test_settings_that_the_pages_name_are_there() -> None:
    known = {f"ORDERS_{name.upper()}" for name in Settings.model_fields}
    pages = (DOCS / page for page in ("monitoring.md", "runbooks.md"))
    named = {name for page in pages for name in re.findall(r"ORDERS_[A-Z_]+[A-Z]", page.read_text())}
    assert named - known == set()


def test_rules_point_to_runbooks_that_are_there() -> None:
    rules = (PROJECT_ROOT / "deploy" / "prometheus" / "rules.yml").read_text()
    anchors = set(re.findall(r"runbooks\.md#([a-z_-]+)\"", rules))
    assert anchors == {"service_down", "no-snapshots-and-no-alerts"}
    assert anchors <= {title.lower().replace(" ", "-") for title in SECTIONS}
