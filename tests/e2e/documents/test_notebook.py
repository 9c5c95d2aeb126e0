"""The notebook of the figures, executed as a user would."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from orders_pipeline.base.settings import PROJECT_ROOT, load_settings
from orders_pipeline.figures.kpis.warehouse.warehouse import only_writer, open_for_writing
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.frames import open_frames
from tests.figures import open_home
from tests.integration.figures.test_kpis import sample
from tests.made_up.builders import store_orders

NOTEBOOK = PROJECT_ROOT / "notebooks" / "kpis.ipynb"


@pytest.fixture
def home(redis_url: str) -> Iterator[PublishedFigures]:
    settings = load_settings()
    with open_home(settings.store_url, redis_url, settings.warehouse) as figures:
        store_orders(figures.engine, sample())
        figures.refresh_dirty_days()
        figures.update_tables()
        yield figures


def executed() -> list[Any]:
    """Outputs of the code cells."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(PROJECT_ROOT)}})
    client.execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.usefixtures("home")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_person_has_frames_and_plots_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    outputs = executed()
    assert any("image/png" in output.get("data", {}) for output in outputs)
    texts = "".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "485.96" in texts
    assert "SKU-002" in texts
    assert "cohort" in texts


def test_frames_are_exact_and_there_while_a_writer_is_at_work(home: PublishedFigures) -> None:
    with only_writer(home.folder), open_for_writing(home.folder):
        daily = open_frames().daily_kpis()
    assert daily["total_revenue"].to_list() == [Decimal("485.96"), Decimal("579.47")]
    assert open_frames().daily_kpis("eur").is_empty()


def test_a_home_without_figures_gives_empty_frames(tmp_path: Path) -> None:
    assert open_frames(tmp_path).daily_kpis().is_empty()
