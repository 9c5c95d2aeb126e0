"""A proposed profile maps real files right, or says what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.order_files.columns.profile import OrderField, built_in_profiles, parse_profile
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from tests.unit.order_files.datasets import dataset
from tests.unit.order_files.files import HEADER, line, order_file
from tests.unit.order_files.parsing import parse


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("seed/sample.csv", "default"),
        ("online_retail/by-day/2010-12-01.csv", "online_retail"),
        ("superstore/superstore-cp1252-crlf-mdyyyy.csv", "superstore"),
        ("monthly_sales/Sales_January_2019.csv", "monthly_sales"),
        ("shopify/devstore_orders_export.pseudonymised.csv", "shopify"),
    ],
)
def test_the_mapping_of_a_known_file_is_found_again(name: str, profile: str, tmp_path: Path) -> None:
    proposal = propose_profile(dataset(name), ReadOptions())
    assert proposal.missing == ()
    assert profile in proposal.fits
    found = parse_profile(proposal.toml, "proposed.toml")
    known = built_in_profiles()[profile]
    file = tmp_path / "proposed.toml"
    file.write_text(proposal.toml)
    mine, theirs = (
        parse(dataset(name), tmp_path / "a", str(file)),
        parse(dataset(name), tmp_path / "b", profile),
    )
    compared = ["number"] if known.amounts else ["number", "total"]
    assert mine.orders.select(compared).equals(theirs.orders.select(compared))
    assert set(found.columns) == set(known.columns)


def test_what_no_column_fits_is_left_to_be_filled_in() -> None:
    proposal = propose_profile(dataset("shopify/shopify-data-challenge-2022-5000.csv"), ReadOptions())
    assert proposal.missing == ("sku", "quantity", "unit_price")
    assert '# sku = "?"' in proposal.toml


def test_dates_that_can_be_two_things_are_a_doubt(tmp_path: Path) -> None:
    proposal = propose_profile(
        order_file(tmp_path, line(date="1/2/2025"), line(date="3/4/2025")), ReadOptions()
    )
    assert 'date_order = "DMY"  # not sure' in proposal.toml
    assert any("DMY or MDY" in doubt for doubt in proposal.doubts)


def test_a_total_beside_a_price_is_told_apart(tmp_path: Path) -> None:
    header = HEADER + ",amount"
    whole = [line(str(n), quantity="2") + ",5.00" for n in range(5)]
    reduced = [line(str(n), quantity="2") + ",4.50" for n in range(5)]
    for lines, field in ((whole, OrderField.UNIT_PRICE), (reduced, OrderField.LINE_TOTAL)):
        proposal = propose_profile(order_file(tmp_path, *lines, header=header), ReadOptions())
        assert field in parse_profile(proposal.toml, "proposed.toml").columns
