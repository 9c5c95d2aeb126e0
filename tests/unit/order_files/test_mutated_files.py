"""Mutated valid files: the importer does not crash, loses no record, and changes no other order."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from orders_pipeline.base.refusals import FileRefused
from tests.sweeps import examples
from tests.unit.order_files.parsing import Imported, parse

HEADER = (
    b"order_id,customer_id,customer_name,product_sku,product_name,quantity,unit_price,currency,order_date\n"
)
LINES = [
    b'1001,501,"Doe, John",SKU-001,"Mug, blue",2,25.50,USD,2025-11-10 10:15:23\n',
    b"1002,502,Jane Smith,SKU-003,Keyboard,1,79.99,USD,2025-11-10 11:45:10\n",
    b'1001,501,"Doe, John",SKU-004,"12"" plate",1,1234.00,USD,2025-11-10 10:15:23\n',
    b'1003,503,Zo\xc3\xab,SKU-002,"two\nlines",3,15.00,USD,2025-11-10 12:22:41\n',
    b"1004,504,Sarah Wilson,SKU-004,Webcam,1,49.99,USD,2025-11-11 14:30:10\n",
    b'1005,505,"Brown, Al",SKU-002,Charger,5,9.99,USD,2025-11-11 15:30:10\n',
    b"1003,503,Zo\xc3\xab,SKU-009,Cup,1,4.25,USD,2025-11-10 12:22:41\n",
    b"1006,506,Ann Lee,SKU-001,Mouse,2,25.50,USD,2025-11-12 09:30:10\n",
]
BYTES = st.one_of(
    st.sampled_from(
        [
            b'"',
            b",",
            b"\n",
            b"\r",
            b"\r\n",
            b";",
            b"\t",
            b"\\",
            b"\x00",
            b"\xff",
            b"0",
            b"-",
            b".",
            b"'",
            b'""',
            b"\n\n",
        ]
    ),
    st.binary(min_size=1, max_size=3),
)

Mutation = tuple[int, int, int, bytes]
# A line, a position in it, the number of bytes to remove there, and bytes to insert there.
MUTATIONS = st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 90), st.integers(0, 6), BYTES)


def mutated(mutation: Mutation) -> list[bytes]:
    line, at, removed, added = mutation
    lines = list(LINES)
    at %= len(lines[line])
    lines[line] = lines[line][:at] + added + lines[line][at + removed :]
    return lines


def order_of(line: bytes) -> str:
    return line.split(b",")[0].decode("latin-1").strip('" \t\r\n')


def numbers(imported: Imported) -> dict[str, tuple[Decimal, int, int]]:
    rows = imported.orders.select("number", "total", "lines", "ordered_at").iter_rows()
    return {number: (Decimal(total), lines, instant) for number, total, lines, instant in rows}


def run(data: bytes) -> Imported | None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        file.write_bytes(data)
        try:
            return parse(file, Path(folder) / "parsed")
        except FileRefused as refusal:
            refused = refusal
    assert refused.code
    assert file.name in refused.message
    return None


@examples(25)
@given(mutation=MUTATIONS)
@example(mutation=(0, 9, 0, b'"'))
@example(mutation=(5, 9, 1, b""))
@example(mutation=(3, 26, 0, b'"'))
def test_a_mutated_line_harms_its_own_order_only(mutation: Mutation) -> None:
    lines = mutated(mutation)
    imported = run(HEADER + b"".join(lines))
    expected = numbers(imported_original())
    if imported is None:
        return
    harmed = {order_of(LINES[mutation[0]])} | {order_of(part) for part in lines[mutation[0]].splitlines()}
    if not lines[mutation[0]].endswith(b"\n"):
        harmed |= {order_of(line) for line in lines[mutation[0] + 1 : mutation[0] + 2]}
    found = numbers(imported)
    for number, figures in expected.items():
        if number in found and number not in harmed:
            assert found[number] == figures, number
    untouched = {number for number in expected if number not in harmed}
    missing = untouched - set(found)
    # A stray quote may cost the next record, but never silently.
    assert missing <= set(imported.rejects["order_number"].drop_nulls()), missing
    assert imported.parsed.records == imported.lines.height + imported.rejects.height


@examples(25)
@given(cut=st.integers(0, sum(map(len, LINES))))
def test_a_file_cut_anywhere_keeps_its_whole_orders(cut: int) -> None:
    data = b"".join(LINES)[:cut]
    imported = run(HEADER + data)
    if imported is None:
        assert not data.strip()
        return
    whole = {order_of(line) for line in LINES}
    for line, end in zip(LINES, ends(), strict=True):
        if end > cut:
            whole.discard(order_of(line))
    found = numbers(imported)
    expected = numbers(imported_original())
    # A file cut in an order number may end with the number of the order before, which is rejected by name.
    doubtful = (
        set(imported.rejects["order_number"].drop_nulls()) if b"," not in data.rpartition(b"\n")[2] else set()
    )
    assert whole - set(found) <= doubtful
    assert all(found[number] == expected[number] for number in whole & set(found))


@examples(25)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    run(data)
    run(HEADER + data)


@examples(25)
@given(order=st.permutations(LINES))
def test_the_order_of_lines_changes_no_total(order: list[bytes]) -> None:
    imported = run(HEADER + b"".join(order))
    assert imported is not None
    totals = dict(imported.orders.select("number", "total").iter_rows())
    assert totals == {number: int(total) for number, (total, _, _) in numbers(imported_original()).items()}


def ends() -> list[int]:
    total, found = 0, []
    for line in LINES:
        total += len(line)
        found.append(total)
    return found


def imported_original() -> Imported:
    if not _original:
        imported = run(HEADER + b"".join(LINES))
        assert imported is not None
        _original.append(imported)
    return _original[0]


_original: list[Imported] = []


def test_the_original_is_whole() -> None:
    imported = imported_original()
    assert imported.parsed.rejected_lines == 0
    assert imported.orders.sort("number")["total"].to_list() == [128500, 7999, 4925, 4999, 4995, 5100]
    assert imported.orders["total"].dtype == pl.Int64
