"""The results of benchmarks: each suite shows the table of its last run."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import Row, keep_results


def test_a_suite_replaces_its_own_table_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    keep_results({"small": [Row("ten orders", "-", "8 s", "5 s")]}, 1000, path)
    keep_results({"scale": [Row("more orders", "9x", "11x", "90 s")]}, 1000, path)
    keep_results({"small": [Row("ten orders", "-", "8 s", "4 s")]}, 1000, path)
    text = path.read_text()
    assert (
        text.count("| ten orders | - | 8 s | 4 s |") == text.count("| more orders | 9x | 11x | 90 s |") == 1
    )
    assert "5 s" not in text
    assert text.count("## ") == 2
