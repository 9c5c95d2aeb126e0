"""A file before its import, over HTTP: sent in parts, previewed, mapped, then imported or discarded."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import requests

from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import KEY, url
from tests.import_bench import ImportBench, Line, write_orders
from tests.visitors import Visitor, add_one_of_each_role, visitor

__all__ = ["url"]
TUS = {"Tus-Resumable": "1.0.0"}
# Larger than what is written at once.
PART, TRIES = 2**16, 100
HTML = "<script>alert(1)</script>"
STRANGER = f"""Bestellnr;Kunde;Art.-Nr.;Artikelbezeichnung;Anzahl;Einzelpreis;Bestelldatum;Status
1001;Müller;A1;{HTML};2;3,50;31.12.2025;bezahlt
1002;Schmidt;A1;{HTML};1;3,50;30.12.2025;offen
1003;Weber;A3;Löffel;10;0,99;29.12.2025;storniert
"""


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with users."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY, upload_limit_mb=1)
    add_one_of_each_role(engine)
    yield bench
    engine.dispose()


@pytest.fixture
def operator(url: str) -> Iterator[Visitor]:
    with visitor(url) as one:
        one.sign_in("operator")
        yield one


def ask(who: Visitor, method: str, path: str, data: bytes = b"", **headers: str | bytes) -> requests.Response:
    """Sends a request as the page's script does."""
    sent = {"X-CSRF-Token": who.token(), **TUS, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return who.session.request(method, who.url + path, data=data, headers=sent, timeout=30)


def begin(who: Visitor, length: int, name: str = "orders.csv") -> requests.Response:
    encoded = base64.b64encode(name.encode()).decode()
    return ask(who, "POST", "/uploads", Upload_Length=str(length), Upload_Metadata=f"filename {encoded}")


def add(who: Visitor, address: str, offset: int, data: bytes) -> requests.Response:
    kind = "application/offset+octet-stream"
    return ask(who, "PATCH", address, data, Upload_Offset=str(offset), Content_Type=kind)


def sent(who: Visitor, content: bytes, name: str = "orders.csv") -> str:
    """Address of the page of a file that was sent completely."""
    address = begin(who, len(content), name).headers["Location"]
    assert add(who, address, 0, content).headers["Upload-Offset"] == str(len(content))
    return address.replace("/uploads/", "/files/new/")


def test_a_file_arrives_in_parts_and_goes_on_where_it_stopped(operator: Visitor, url: str) -> None:
    begun = begin(operator, 10)
    address = begun.headers["Location"]
    assert begun.status_code == 201
    assert add(operator, address, 0, b"0123").status_code == 204
    assert operator.get(address.replace("/uploads/", "/files/new/")).status_code == 409
    assert "40 % uploaded" in operator.get("/files").text
    head = ask(operator, "HEAD", address)
    assert (head.status_code, head.headers["Upload-Offset"], head.headers["Upload-Length"]) == (
        200,
        "4",
        "10",
    )
    assert add(operator, address, 0, b"0123").status_code == 409
    assert add(operator, address, 4, b"456789 and more").status_code == 413
    assert add(operator, address, 4, b"456789").headers["Upload-Offset"] == "10"
    assert ask(operator, "PATCH", address, b"x", Upload_Offset="10").status_code == 415
    assert ask(operator, "HEAD", address, Tus_Resumable="0.2").status_code == 412
    with visitor(url) as admin:
        admin.sign_in("admin")
        assert ask(admin, "HEAD", address).status_code == 404
        assert "orders.csv" not in admin.get("/files").text


def test_without_javascript_the_page_of_files_says_how_to_import(operator: Visitor) -> None:
    (instead,) = re.findall("<noscript>(.*?)</noscript>", operator.get("/files").text)
    assert "inbox folder" in instead
    assert "<code>orders import</code>" in instead


def test_what_arrived_before_the_connection_broke_stays(operator: Visitor) -> None:
    address = begin(operator, 2 * PART).headers["Location"]
    host, port = operator.url.removeprefix("http://").split(":")
    headers = {
        "Host": f"{host}:{port}",
        "Cookie": "; ".join(f"{one.name}={one.value}" for one in operator.session.cookies),
        "X-CSRF-Token": operator.token(),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(2 * PART),
        "Upload-Offset": "0",
        **TUS,
    }
    lines = [f"PATCH {address} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"x" * PART)
        heads = (ask(operator, "HEAD", address).headers["Upload-Offset"] for _ in range(TRIES))
        assert next(filter(str(PART).__eq__, heads))
    # Until the server notices the disconnection, the part is still arriving.
    ends = (add(operator, address, PART, b"x" * PART).status_code for _ in range(TRIES))
    assert next(status for status in ends if status != 423) == 204


def test_what_cannot_be_taken_is_refused_at_once(operator: Visitor, bench: ImportBench) -> None:
    assert begin(operator, 2**20 + 1).status_code == 413
    assert begin(operator, 0).status_code == 422
    assert ask(operator, "POST", "/uploads", Upload_Length="x").status_code == 400
    for name in ("?", "\xe9", "//4="):
        metadata = f"filename {name}".encode("latin-1")
        assert (
            ask(operator, "POST", "/uploads", Upload_Length="5", Upload_Metadata=metadata).status_code == 400
        )
    for token in ("0" * 32, "%2e%2e", "x"):
        assert ask(operator, "HEAD", f"/uploads/{token}").status_code == 404
    page = sent(operator, b"order", "../../../evil.csv")
    assert "evil.csv" in operator.get("/files").text
    assert not list(bench.folder.rglob("../evil.csv"))
    assert operator.post(f"{page}/discard", operator.token()).status_code == 303
    assert operator.get(page).status_code == 404
    assert list(bench.settings.staging_folder.glob(".incoming-*")) == []


def test_a_known_file_is_shown_first_and_imported_when_a_person_says_so(
    operator: Visitor, bench: ImportBench
) -> None:
    file = write_orders(bench.folder / "known.csv", [Line("1", name=HTML), Line("2", quantity=0)])
    page = sent(operator, file.read_bytes(), "known.csv")
    shown = operator.get(page)
    assert shown.status_code == 200
    assert HTML not in shown.text
    assert "order number" in shown.text
    outcome = operator.get(f"{page}/outcome").text
    assert "Quantity not positive" in outcome
    assert bench.rows("imports") == []
    gone = operator.post(f"{page}/import", operator.token())
    key = gone.headers["Location"].rpartition("/")[2]
    assert bench.found(key).source == "default"
    # The key equals that of the same file in the inbox.
    assert key == bench.stage(file)
    assert operator.get(page).status_code == 404


def test_the_columns_of_a_stranger_are_mapped_once(operator: Visitor, bench: ImportBench) -> None:
    page = sent(operator, STRANGER.encode(), "Export 2025-12.csv")
    assert operator.get(page).headers["Location"] == f"{page}/mapping"
    shown = operator.get(f"{page}/mapping").text
    assert HTML not in shown
    assert 'value="export"' in shown
    chosen = {
        **{"mapped": "yes", "order_number": "0", "customer_name": "1", "sku": "2", "quantity": "4"},
        **{"price": "5", "price_is": "line_total", "ordered_at": "6", "currency_is": "eur"},
        **{"status_0": "recorded", "status_1": "charge", "status_2": "charge"},
    }
    missing = operator.get(f"{page}/mapping", params={**chosen, "sku": ""}).text
    assert "sku needs a column" in missing
    outcome = operator.get(f"{page}/outcome", params=chosen).text
    assert "7.99" in outcome
    token = operator.token()
    refused = operator.post(f"{page}/import", token, **chosen, name="default")
    assert refused.status_code == 422
    assert "Choose another name" in refused.text
    gone = operator.post(f"{page}/import", token, **chosen, name="leipzig")
    found = bench.found(gone.headers["Location"].rpartition("/")[2])
    assert (found.source, found.profile) == ("leipzig", "leipzig")
    again = sent(operator, STRANGER.replace("100", "200").encode(), "next.csv")
    assert operator.get(again).status_code == 200
    assert "outcome?profile=leipzig&amp;" in operator.get(f"{again}/mapping?profile=leipzig").text


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("letter.csv", b"Dear customer, nothing to see here\n", "cannot be read with this mapping"),
        ("odd.csv", b"a\x00\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02", "Not text"),
        (
            "wide.csv",
            b",".join(b"c%d" % n for n in range(200)) + b"\n" + b"1," * 199 + b"1\n",
            "Map the columns",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(
    operator: Visitor, name: str, content: bytes, code: str
) -> None:
    page = sent(operator, content, name)
    shown = operator.session.get(operator.url + page, headers={"Accept": "text/html"}, timeout=60)
    assert (shown.status_code, code in shown.text) == (200, True)


def test_a_workbook_with_two_sheets_asks_for_one(operator: Visitor, bench: ImportBench) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet(HTML[1:7])):
        for line in write_orders(bench.folder / "x.csv", [Line("1")]).read_text("utf-8").splitlines():
            sheet.append(line.split(","))
    book.save(bench.folder / "two.xlsx")
    page = sent(operator, (bench.folder / "two.xlsx").read_bytes(), "two.xlsx")
    assert "Sheet ambiguous" in operator.get(page).text
    assert "The first orders" in operator.get(page, params={"sheet": "Sheet"}).text
