"""`orders import` and related commands, with a real Celery worker and an embedded Redis, on one home."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cli.stack.stack import running_workers, stack_status
from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import imports
from tests.e2e.orders_command import end, environment, orders, orders_process, start
from tests.import_bench import Line, many_orders, write_orders
from tests.warm_processes import warm_python

SAMPLE = PROJECT_ROOT / "data" / "sample.csv"
PRODUCTS = PROJECT_ROOT / "data" / "products.csv"
REPORT = [
    "partition",
    "file",
    "profile",
    "records",
    "accepted_lines",
    "rejected_lines",
    "lines_of_rejected_orders",
    "duplicate_lines",
    "left_out_lines",
    "repeated_lines",
    "returns",
    "orders",
    "statuses",
    "revenue",
    "rejects_by_code",
    "refunded",
    "seconds",
    "orders_per_second",
    "warnings",
    "amounts",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which every payment succeeds at once."""
    return Settings(
        home=tmp_path_factory.mktemp("running") / "home",
        payment_success_rate=1,
        payment_delay_min=0,
        payment_delay_max=0,
        worker_processes=2,
    )


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[Settings]:
    """The home with running Redis and worker, and the seven products listed."""
    assert orders(settings, "products", "import", PRODUCTS, "--json").document == {
        "added": 7,
        "updated": 0,
        "unchanged": 0,
    }
    with running_workers(settings):
        yield settings


@pytest.fixture(scope="module")
def sample(running: Settings) -> dict[str, Any]:
    """What the import of the sample printed."""
    done = orders_process(running, "import", SAMPLE, "--json")
    assert done.code == 0, done.err
    document: dict[str, Any] = done.document
    return document


def lines_file(folder: Path, *lines: Line | str, name: str = "orders.csv") -> Path:
    return write_orders(folder / name, lines)


def test_the_sample_comes_out_as_the_contract_says(sample: dict[str, Any]) -> None:
    assert list(sample) == REPORT
    assert sample["partition"].startswith("sample.csv-")
    assert (sample["file"], sample["profile"]) == ("sample.csv", "default")
    figures = {name: sample[name] for name in REPORT[3:8]}
    assert list(figures.values()) == [10, 10, 0, 0, 0]
    assert sample["orders"] == {"accepted": 10, "rejected": 0, "duplicate": 0}
    assert sample["statuses"] == {"completed": 10, "rollback": 0, "failed": 0}
    assert sample["revenue"] == {"USD": "1065.43"}
    assert sample["rejects_by_code"] == {}
    assert sample["seconds"] > 0
    assert sample["orders_per_second"] > 0


@pytest.mark.usefixtures("sample")
def test_figures_are_published_when_the_import_returns(running: Settings) -> None:
    both = orders(running, "kpis", "range", "--start", "2025-11-10", "--end", "2025-11-11", "--json").document
    assert (both["total_revenue"], both["order_count"]) == (1065.43, 10)
    assert (both["average_order_value"], both["unique_customers"]) == (106.54, 8)
    leaders = orders(running, "leaderboard", "customers", "--limit", "2", "--json").document
    assert [(one["customer_id"], one["total_spent"]) for one in leaders] == [("505", 259.98), ("501", 250.0)]


def test_the_same_file_again_is_all_duplicates(running: Settings, sample: dict[str, Any]) -> None:
    again = orders(running, "import", SAMPLE, "--json").document
    assert list(again) == REPORT
    assert (again["partition"], again["records"], again["duplicate_lines"]) == (sample["partition"], 10, 10)
    assert (again["accepted_lines"], again["rejected_lines"], again["lines_of_rejected_orders"]) == (0, 0, 0)
    assert again["orders"] == {"accepted": 0, "rejected": 0, "duplicate": 10}
    assert again["statuses"] == {"completed": 0, "rollback": 0, "failed": 0}
    assert (again["revenue"], again["rejects_by_code"]) == ({}, {})


@pytest.mark.usefixtures("sample")
def test_stock_went_down_by_what_was_sold_and_a_known_product_keeps_it(running: Settings) -> None:
    again = orders(running, "products", "import", PRODUCTS, "--json").document
    assert again == {"added": 0, "updated": 0, "unchanged": 7}
    shelf = orders(running, "products", "restock", "SKU-002", "5", "--json").document
    assert shelf == {"sku": "SKU-002", "restocked": 5, "on_hand": 1500 - 8 + 5}
    unknown = orders(running, "products", "restock", "SKU-999", "5", "--json")
    assert unknown.error["code"] == "unknown_product"


@pytest.mark.usefixtures("sample")
def test_one_orders_whole_story(running: Settings) -> None:
    story = orders(running, "show", "1001", "--json").document
    assert (story["order_id"], story["source"], story["status"]) == ("1001", "default", "completed")
    assert (story["file"], story["file_line"], story["total"]) == ("sample.csv", 2, "51.00")
    (line,) = story["lines"]
    assert (line["sku"], line["quantity"], line["total"], line["file_line"]) == ("SKU-001", 2, "51.00", 2)
    assert [one["status"] for one in story["reservations"]] == ["sold"]
    assert [(one["status"], one["amount"]) for one in story["payments"]] == [("succeeded", "51.00")]
    assert story["payments"][0]["transaction_id"].startswith("txn_")
    shown = orders(running, "show", "1001")
    assert shown.code == 0
    assert "John" not in shown.err
    assert orders(running, "show", "nobody's", "--json").error["code"] == "unknown_order"


def test_rejects_and_conflicts_are_shown_with_place_and_way_out(running: Settings, tmp_path: Path) -> None:
    changed = SAMPLE.read_text().splitlines()[1].replace(",2,25.50,", ",3,25.50,")
    file = lines_file(tmp_path, changed, Line("bad", quantity=0), Line("bad"), name="rejects.csv")
    done = orders_process(running, "import", file, "--json")
    assert done.code == 0
    report = done.document
    assert report["rejects_by_code"] == {"order_conflict": 1, "quantity_not_positive": 1}
    assert (report["records"], report["rejected_lines"], report["lines_of_rejected_orders"]) == (3, 1, 2)
    assert report["orders"] == {"accepted": 0, "rejected": 2, "duplicate": 0}
    rejects = orders(running, "rejects", report["partition"], "--json").document
    assert [(one["line"], one["code"]) for one in rejects] == [
        (2, "order_conflict"),
        (3, "quantity_not_positive"),
        (4, "order_rejected"),
    ]
    assert all(one["message"] and one["hint"] for one in rejects)
    as_csv = orders(running, "rejects", report["partition"], "--csv")
    assert as_csv.code == 0
    assert "quantity_not_positive" in as_csv.out
    assert (
        orders(running, "rejects", "orders.csv-000000000000", "--json").error["code"] == "unknown_partition"
    )


def test_several_files_are_a_list_with_an_error_in_the_place_of_a_refused_one(
    running: Settings, tmp_path: Path
) -> None:
    good = lines_file(tmp_path, *many_orders(3, "several"), name="good.csv")
    done = orders_process(running, "import", good, tmp_path / "nowhere.csv", good, "--json")
    assert done.code == 1
    first, refused, again = done.document
    assert (first["orders"]["accepted"], again["duplicate_lines"]) == (3, 3)
    assert list(refused) == ["error"]
    assert "nowhere.csv" in refused["error"]["message"]


REFUSED = {
    "a missing file": (None, "file"),
    "an empty file": ("", "file_empty"),
    "a header only in name": ("\n\n\n", "file_empty"),
    "a missing column": (
        "order_id,customer_id,quantity,unit_price,order_date\n1,2,3,4,5\n",
        "column_missing",
    ),
    "something else": ("a,b\n1,2\n", "header_missing"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_imported_is_refused_in_one_sentence(
    settings: Settings, tmp_path: Path, content: str | None, code: str
) -> None:
    file = tmp_path / "orders.csv"
    if content is not None:
        file.write_text(content)
    error = orders(settings, "import", file, "--json").error
    assert error["code"].startswith(code)
    assert "orders.csv" in error["message"]
    assert error["hint"]


def test_a_directory_is_refused(settings: Settings, tmp_path: Path) -> None:
    error = orders(settings, "import", tmp_path, "--json").error
    assert tmp_path.name in error["message"]


def test_a_file_that_only_a_whole_look_shows_to_be_unreadable_is_refused(
    running: Settings, tmp_path: Path
) -> None:
    lines = [Line(f"date{n}", date=f"0{n + 1}/02/2025 10:00") for n in range(5)]
    done = orders_process(running, "import", lines_file(tmp_path, *lines, name="dates.csv"), "--json")
    assert done.error["code"] == "dates_ambiguous"
    assert "dates.csv" in done.error["message"]


def test_a_dry_run_touches_nothing(running: Settings, tmp_path: Path) -> None:
    file = lines_file(tmp_path, *many_orders(4, "dry"), Line("bad", quantity=0), name="dry.csv")
    before = orders(running, "files", "--json").document
    document = orders(running, "import", "--dry-run", file, "--json").document
    assert list(document) == REPORT
    assert (document["statuses"], document["revenue"]) == ({}, {"USD": "40.00"})
    assert orders(running, "files", "--json").document == before


def test_wrong_usage_is_exit_code_2(settings: Settings) -> None:
    assert orders(settings, "import", "--json").code == 2
    assert orders(settings, "import", SAMPLE, "--colour", "red").code == 2


def test_a_staged_file_runs_by_dagster_job_execute(running: Settings, tmp_path: Path) -> None:
    file = lines_file(tmp_path, *many_orders(5, "staged"), name="staged.csv")
    staged = orders_process(running, "stage", file, "--json").document
    key = staged["partition"]
    assert staged == {"partition": key, "file": "staged.csv", "profile": "default"}
    assert "staged" in {one["status"] for one in orders(running, "files", "--json").document}
    command = [warm_python(), "-m", "dagster", "job", "execute", "-m", "definitions", "-j", "import_orders"]
    subprocess.run(
        [*command, "--tags", json.dumps({"dagster/partition": key})],
        cwd=PROJECT_ROOT,
        env=os.environ | environment(running),
        check=True,
        capture_output=True,
    )
    (listed,) = [one for one in orders(running, "files", "--json").document if one["partition"] == key]
    assert (listed["status"], listed["statuses"]["completed"]) == ("finished", 5)


def test_two_imports_at_once_share_the_workers(running: Settings, tmp_path: Path) -> None:
    files = [
        lines_file(tmp_path, *many_orders(20, prefix), name=f"{prefix}.csv") for prefix in ("one", "two")
    ]
    before = {program.name: program.pid for program in stack_status(running).programs}
    both = [start(running, "import", file, "--json") for file in files]
    assert [end(process).document["statuses"]["completed"] for process in both] == [20, 20]
    assert {program.name: program.pid for program in stack_status(running).programs} == before


def test_the_same_file_imported_twice_at_once_is_settled_once(running: Settings, tmp_path: Path) -> None:
    file = lines_file(tmp_path, *many_orders(20, "twice"), name="twice.csv")
    both = [start(running, "import", file, "--json") for _ in range(2)]
    for done in [end(process) for process in both]:
        assert done.code == 0, done.err
        report = done.document
        assert report["statuses"]["completed"] in (20, 0)
        assert report["records"] == 20
    (listed,) = [one for one in orders(running, "files", "--json").document if one["file"] == "twice.csv"]
    assert listed["statuses"] == {"completed": 20, "rollback": 0, "failed": 0}


def test_many_small_imports_share_a_run_and_each_has_its_report(running: Settings, tmp_path: Path) -> None:
    (tmp_path / "scarce.csv").write_text("sku,name,price,stock_quantity\nSCARCE,Scarce,9.00,0\n")
    assert orders(running, "products", "import", tmp_path / "scarce.csv").code == 0
    names = [f"small-{number}" for number in range(12)]
    files = [lines_file(tmp_path, *many_orders(2, name, sku="SCARCE"), name=f"{name}.csv") for name in names]
    bad = lines_file(tmp_path, Line("bad", quantity=0), Line("good"), name="small-bad.csv")
    listed = [*files, bad, files[0]]
    imported = orders_process(running, "import", *listed, "--max-rejects", "0", "--json").document
    assert [one["statuses"]["failed"] for one in imported[:12]] == [2] * 12
    assert imported[12]["error"]["code"] == "too_many_rejects"
    assert imported[13]["orders"]["duplicate"] == 2
    assert len(runs_of(running, [*names, "small-bad"])) == 1
    assert orders(running, "products", "restock", "SCARCE", "24").code == 0
    retried = orders_process(
        running, "retry", "--reason", "out_of_stock", "--text", "small-", "--json"
    ).document
    assert [one["file"] for one in retried["imports"]] == [file.name for file in files]
    assert [one["statuses"]["completed"] for one in retried["imports"]] == [2] * 12
    assert len(runs_of(running, names)) == 1


def runs_of(settings: Settings, names: list[str]) -> set[str]:
    """The runs that last worked on these files."""
    engine = open_engine(settings.store_url)
    files = imports.c.file_name.in_([f"{name}.csv" for name in names])
    with reading(engine) as connection:
        found = set(connection.execute(select(imports.c.run_id).where(files)).scalars())
    engine.dispose()
    return found


def test_all_invariants_hold_after_all_of_it(running: Settings) -> None:
    done = orders(running, "verify", "--json")
    assert done.code == 0, done.out
    assert list(done.document) == ["ok", "checks"]
    assert done.document["ok"] is True
    assert all(list(check) == ["name", "ok", "detail"] for check in done.document["checks"])


def test_a_bad_setting_is_reported_by_its_name(settings: Settings) -> None:
    error = orders(settings.model_copy(update={"currency": "Euro"}), "files", "--json").error
    assert error["code"] == "bad_setting"
    assert "ORDERS_CURRENCY" in error["message"]


def test_an_import_alone_brings_its_own_processes_and_stops_them(tmp_path: Path) -> None:
    alone = Settings(home=tmp_path / "home", payment_delay_min=0, payment_delay_max=0, worker_processes=1)
    done = orders_process(alone, "import", SAMPLE, "--json")
    assert done.code == 0, done.err
    assert sum(done.document["statuses"].values()) == 10
    assert not stack_status(alone).running
    assert stack_status(alone).programs == ()
