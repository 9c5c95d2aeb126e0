"""Orders paid through Stripe, from the file to the checks of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from orders_pipeline.backup.backup import back_up
from orders_pipeline.backup.restore import restore
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.store.engine import open_engine, reading
from orders_pipeline.store.schema import home, order_payers
from tests.import_bench import HEADER, ImportBench
from tests.servers.stripe_server import TEST_KEY, Payers, localstripe, make_payers

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with localstripe() as found:
        yield found


@pytest.fixture(scope="module")
def payers(url: str) -> Payers:
    return make_payers(url)


@pytest.fixture
def shop(bench: ImportBench, url: str) -> ImportBench:
    bench.set(stripe_key=TEST_KEY, stripe_url=url)
    return bench


def order_file(folder: Path, payers: Payers, *kinds: str) -> Path:
    """An order for each kind of payer; an empty kind has no payment method."""
    lines = [f"{HEADER},payment_method,customer_ref"]
    for n, kind in enumerate(kinds):
        payer = f"{payers.methods[kind]},{payers.customers[kind]}" if kind else ","
        lines.append(f"s{n},c{n},Ada,MOUSE,Mouse,1,12.50,USD,2025-11-10 10:00:00,{payer}")
        lines.append(f"s{n},c{n},Ada,PAD,Pad,2,3.00,USD,2025-11-10 10:00:00,")
    file = folder / "stripe.csv"
    file.write_text("\n".join([*lines, ""]).replace("10:00:00,\n", "10:00:00,,\n"))
    return file


def test_orders_are_charged_with_what_their_file_names_and_agree_with_stripe(
    shop: ImportBench, payers: Payers
) -> None:
    key = shop.stage(order_file(shop.folder, payers, "good", "good", "declined", "asks", ""))
    shop.settle(key)
    assert shop.statuses() == {
        **{"s0": "completed", "s1": "completed"},
        **{"s2": "rollback", "s3": "rollback", "s4": "rollback"},
    }
    entries = {one.key: one for page in shop.gateway.journal() or () for one in page}
    assert {one.amount for one in entries.values()} == {1850}
    with reading(shop.engine) as connection:
        stored = connection.execute(select(order_payers)).all()
    assert [row.customer_ref for row in stored] == [
        payers.customers[k] for k in ("good", "good", "declined", "asks")
    ]
    assert shop.broken_checks() == set()


def test_a_retry_charges_a_declined_order_again_and_no_other(shop: ImportBench, payers: Payers) -> None:
    key = shop.stage(order_file(shop.folder, payers, "good", "asks"))
    shop.settle(key)
    retry_orders(shop.engine, Chosen(), 1000, "cli:ada")
    shop.settle(key)
    assert shop.statuses() == {"s0": "completed", "s1": "rollback"}
    keys = sorted(one.key for page in shop.gateway.journal() or () for one in page)
    assert [one.rpartition("/")[2] for one in keys if "/s1/" in one] == ["1", "2"]
    assert len([one for one in keys if "/s0/" in one]) == 1
    assert shop.broken_checks() == set()


def test_a_restored_store_finds_what_it_charged_at_stripe_and_charges_no_order_again(
    shop: ImportBench, payers: Payers, redis_url: str
) -> None:
    shop.set(database_url=shop.engine.url.render_as_string(hide_password=False), redis_url=redis_url)
    archive = back_up(shop.engine, shop.settings, shop.folder / "first.tar.gz").file
    file = order_file(shop.folder, payers, "good", "good")
    shop.settle(shop.stage(file))
    charged = sorted(one.key for page in shop.gateway.journal() or () for one in page)
    shop.engine.dispose()
    restore(archive, shop.settings, replace=True, actor="cli:tester")
    shop.engine = open_engine(shop.settings.store_url)
    assert len(charged) == 2
    assert sorted(one.key for page in shop.gateway.journal() or () for one in page) == charged
    shop.settle(shop.stage(file))
    assert sorted(one.key for page in shop.gateway.journal() or () for one in page) == charged
    assert set(shop.statuses().values()) == {"completed"}
    restored_again = back_up(shop.engine, shop.settings, shop.folder / "second.tar.gz").file
    shop.engine.dispose()
    restore(restored_again, shop.settings, replace=True, actor="cli:tester")
    shop.engine = open_engine(shop.settings.store_url)
    assert shop.broken_checks() == set()


def test_a_store_keeps_its_gateway_and_its_mode(shop: ImportBench, payers: Payers) -> None:
    live = shop.settings.model_copy(update={"stripe_key": "rk_live_1"})
    for before_the_first_payment in (live, shop.settings):
        connect_gateway(before_the_first_payment, shop.engine)
    shop.settle(shop.stage(order_file(shop.folder, payers, "good")))
    with reading(shop.engine) as connection:
        assert connection.execute(select(home.c.gateway)).scalar_one() == "stripe:test:"
    with pytest.raises(SettingsError, match="made at another gateway or account"):
        connect_gateway(live, shop.engine)
    simulated = shop.settings.model_copy(update={"stripe_key": ""})
    with pytest.raises(SettingsError, match="at Stripe"):
        connect_gateway(simulated, shop.engine)


def test_a_key_comes_from_a_file_and_two_gateways_are_refused(shop: ImportBench, tmp_path: Path) -> None:
    file = tmp_path / "stripe.key"
    file.write_text(f"{TEST_KEY}\n")
    settings = shop.settings.model_copy(update={"stripe_key": "", "stripe_key_file": file})
    assert connect_gateway(settings, shop.engine).answers()
    file.write_text("pk_test_1")
    with pytest.raises(SettingsError, match="holds no key that begins with sk_ or rk_"):
        connect_gateway(settings, shop.engine)
    with pytest.raises(ValueError, match="name several payment gateways"):
        Settings(stripe_key=TEST_KEY, payment_url="https://pay.example.com")
    assert TEST_KEY not in repr(Settings(stripe_key=TEST_KEY))
