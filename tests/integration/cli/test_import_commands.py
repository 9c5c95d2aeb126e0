"""`orders import --dry-run`, `files`, `rejects` and `profile` on a home without running processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import insert
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import load_settings
from orders_pipeline.order_files.columns.profile import load_profile
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import column_profiles
from tests.import_bench import RUN, ImportBench, Line, many_orders

CONTRACT = [
    *("partition", "file", "profile", "records", "accepted_lines", "rejected_lines"),
    *("lines_of_rejected_orders", "duplicate_lines", "left_out_lines", "repeated_lines"),
    *(
        "returns",
        "orders",
        "statuses",
        "revenue",
        "rejects_by_code",
        "refunded",
        "seconds",
        "orders_per_second",
        "warnings",
    ),
    "amounts",
]
ORDERS = [*many_orders(6), Line("b1", quantity=0, name="=1+1"), Line("b1", "CABLE"), Line("b2", price="x")]


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """The home that the commands use."""
    settings = load_settings()
    settings.home.mkdir()
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    yield bench
    engine.dispose()


def orders(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(*arguments: str | Path) -> Any:
    return json.loads(orders(*arguments, "--json").stdout)


def test_the_report_has_the_keys_of_the_contract(bench: ImportBench) -> None:
    assert list(document("import", "--dry-run", bench.write(*ORDERS))) == list(CONTRACT)


def test_the_page_says_how_the_file_was_read_and_what_is_not_sure(bench: ImportBench) -> None:
    file = bench.folder / "odd.csv"
    file.write_bytes(bench.write(Line("1", name="Zoë")).read_text().encode("mac_roman"))
    shown = orders("import", "--dry-run", file).stdout
    assert "read as" in shown
    assert "comma-separated" in shown
    assert "uncertain" in shown
    assert "uncertain" not in orders("import", "--dry-run", file, "--encoding", "mac_roman").stdout


def test_a_dry_run_leads_to_no_rejects_that_are_not_stored(bench: ImportBench) -> None:
    shown = orders("import", "--dry-run", bench.write(*ORDERS)).stdout
    assert "Dry run: nothing was imported." in shown
    assert "shows each rejected line" not in shown
    assert "orders profile check FILE shows the first rejected lines." in shown


def test_too_many_rejects_are_an_error_with_its_code(bench: ImportBench) -> None:
    file = bench.write(*ORDERS)
    assert orders("import", "--dry-run", file, "--max-rejects", "2").exit_code == 0
    refused = orders("import", "--dry-run", file, "--max-rejects", "20%", "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["code"] == "too_many_rejects"
    assert document("import", "--dry-run", file, "--max-rejects", "few")["error"]["code"] == "option_invalid"


def test_one_file_is_shown_completely(bench: ImportBench) -> None:
    key = bench.stage(bench.write(*ORDERS), max_rejects="1")
    with pytest.raises(FileRefused):
        bench.steps.parse(key, RUN)
    shown = orders("files", key).stdout
    for word in ("refused", "2 of 9 records are bad", "double quote", "100%"):
        assert word in shown
    found = document("files", key)
    assert (found["status"], found["refused_code"], found["max_rejects"]) == (
        "refused",
        "too_many_rejects",
        "1",
    )
    assert document("files") == [found]
    assert document("files", "no-such-file")["error"]["code"] == "unknown_partition"


def test_rejects_are_exported_to_stdout_or_to_a_file_byte_for_byte(bench: ImportBench) -> None:
    file = bench.write(*ORDERS)
    file.write_bytes(file.read_text().replace("Ada", "Zoë").replace("\n", "\r\n").encode("cp1252"))
    key = bench.stage(file)
    bench.settle(key)
    out = orders("rejects", key, "--csv")
    assert out.exit_code == 0
    assert out.stdout_bytes == bench.exported(key)
    assert b"\r\n" in out.stdout_bytes
    assert "Zoë".encode("cp1252") in out.stdout_bytes
    target = bench.folder / "fixed.csv"
    assert orders("rejects", key, "--output", target, "--escape-formulas").exit_code == 0
    assert target.read_bytes() == bench.exported(key, escape_formulas=True)
    assert b",'=1+1," in target.read_bytes()
    assert b",'=1+1," not in out.stdout_bytes
    assert "already exists" in orders("rejects", key, "--output", target).stderr
    assert "cannot be written" in orders("rejects", key, "--output", bench.folder / "no" / "f.csv").stderr


def test_the_rejects_of_an_untouched_or_unknown_file_are_no_crash(bench: ImportBench) -> None:
    key = bench.stage(bench.write(Line("1")))
    assert orders("rejects", key, "--csv").stdout.count("\n") == 1
    assert "No line" in orders("rejects", key).stdout
    assert orders("rejects", "nothing", "--csv").exit_code == 1


SHOP = ["Bestellnr;Art.-Nr.;Anzahl;Einzelpreis;Bestelldatum;Kundennr", "17;A1;2;3,50;31.12.2025;9"]


def shop(bench: ImportBench) -> Path:
    file = bench.folder / "shop.csv"
    file.write_text("\n".join([*SHOP, ""]))
    return file


def test_a_new_profile_is_proposed_written_and_checked(bench: ImportBench) -> None:
    file = shop(bench)
    header = ["order_no", "sku", "qty", "unit price", "order date", "customer id"]
    file.write_text(file.read_text().replace(SHOP[0], ";".join(header)))
    target = bench.folder / "my_shop.toml"
    proposed = document("profile", "new", file, "--output", target)
    assert (proposed["missing"], proposed["output"]) == ([], str(target))
    assert load_profile(str(target)).name == "my_shop"
    checked = document("profile", "check", file, "--profile", target)
    assert list(checked) == ["file", "profile", "detected", "records_looked_at", "orders", "rejects"]
    (order,) = checked["orders"]
    assert (order["number"], order["total"], order["day"]) == ("17", "7.00", "2025-12-31")
    assert order["lines"] == [
        {
            "file_line": 2,
            "sku": "A1",
            "product_name": None,
            "quantity": 2,
            "total": "7.00",
            "discount": "0.00",
        }
    ]
    assert "2025-12-31" in orders("profile", "check", file, "--profile", target).stdout
    assert document("profile", "new", file, "--output", target)["error"]["code"] == "file_exists"
    assert document("profile", "new", file, "--output", bench.folder / "Ä b.toml")["error"]["code"] == (
        "bad_profile_name"
    )
    assert bench.rows("imports") == []


def test_a_proposal_says_what_is_missing_and_is_toml_on_stdout(bench: ImportBench) -> None:
    file = shop(bench)
    file.write_text(file.read_text().replace("Anzahl", "Xyz"))
    shown = orders("profile", "new", file)
    assert shown.exit_code == 0
    assert "[columns]" in shown.stdout
    assert "Fill in" in shown.stderr


def test_a_check_of_a_file_that_no_profile_fits_is_refused(bench: ImportBench) -> None:
    assert document("profile", "check", shop(bench))["error"]["code"] == "header_missing"
    assert document("profile", "check", bench.folder / "nowhere.csv")["error"]["code"] == "file_missing"
    assert document("profile", "check", bench.write(Line("1")))["profile"] == "default"


def test_files_are_recognised_by_a_saved_profile(bench: ImportBench) -> None:
    file = shop(bench)
    target = bench.folder / "my_shop.toml"
    document("profile", "new", file, "--output", target)
    assert document("profile", "save", target)["name"] == "my_shop"
    assert document("profile", "save", target)["error"]["code"] == "profile_exists"
    assert document("profile", "save", target, "--replace")["name"] == "my_shop"
    for name, code in (("default", "profile_exists"), ("My Shop", "bad_profile_name")):
        assert document("profile", "save", target, "--name", name)["error"]["code"] == code
    assert document("profile", "check", file)["profile"] == "my_shop"
    assert document("import", "--dry-run", file)["revenue"] == {"USD": "7.00"}
    assert bench.found(bench.stage(file)).source == "my_shop"
    named = bench.stage(file, profile="my_shop")
    assert named != bench.stage(file)
    assert named == bench.stage(file, profile=str(target))
    assert [one["name"] for one in document("profile", "list")] == ["my_shop"]
    assert document("profile", "remove", "my_shop") == {"removed": "my_shop"}
    assert document("profile", "remove", "my_shop")["error"]["code"] == "profile_unknown"
    assert document("profile", "check", file)["error"]["code"] == "header_missing"
    assert [one["action"] for one in document("audit", "--action", "profiles")] == [
        "profiles.remove",
        *["profiles.save"] * 2,
    ]


def test_a_saved_profile_comes_before_a_built_in_one(bench: ImportBench) -> None:
    file = bench.write(Line("1"))
    target = bench.folder / "own.toml"
    document("profile", "new", file, "--output", target)
    document("profile", "save", target)
    assert document("profile", "check", file)["profile"] == "own"


def test_a_saved_profile_that_this_version_does_not_understand_is_listed_and_refuses_no_file(
    bench: ImportBench,
) -> None:
    values = {"name": "newer", "toml": 'from_the_future = "yes"', "saved_at": 0, "saved_by": "cli:ada"}
    with bench.engine.begin() as connection:
        connection.execute(insert(column_profiles).values(values))
    file = bench.write(Line("1"))
    assert document("profile", "check", file)["profile"] == "default"
    assert bench.found(bench.stage(file)).source == "default"
    (listed,) = document("profile", "list")
    assert listed["description"] == ""
    assert "from_the_future" in listed["problem"]
    assert document("profile", "check", file, "--profile", "newer")["error"]["code"] == "profile_invalid"


def test_a_check_shows_rejects_too(bench: ImportBench) -> None:
    checked = document("profile", "check", bench.write(*ORDERS), "--orders", "2")
    assert [order["number"] for order in checked["orders"]] == ["n0", "n1"]
    assert checked["rejects"][0]["code"] == "quantity_not_positive"
