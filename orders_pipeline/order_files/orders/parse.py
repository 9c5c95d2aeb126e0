"""Parses an order file, in one streaming pass, into batches of whole orders and tables of rejects."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import identify_companion
from orders_pipeline.order_files.columns.joined_orders import join_orders
from orders_pipeline.order_files.columns.layout import column_names
from orders_pipeline.order_files.columns.line_rules import kinds_in
from orders_pipeline.order_files.columns.profile import Profile
from orders_pipeline.order_files.columns.return_rules import NAMED, are_returns_taken
from orders_pipeline.order_files.export_note import note
from orders_pipeline.order_files.orders.amount_sums import Sums, add_sums, amount_sums
from orders_pipeline.order_files.orders.first_pass import FirstPass
from orders_pipeline.order_files.orders.leaving_out import without_left_out
from orders_pipeline.order_files.orders.orders import SettledLines, merge_settled, settle_lines
from orders_pipeline.order_files.orders.paid import refunded_orders
from orders_pipeline.order_files.orders.spill import Plan, Spill
from orders_pipeline.order_files.parsed_file import (
    FileWarning,
    Finding,
    ParsedBatch,
    ParsedFile,
    merged_warnings,
)
from orders_pipeline.order_files.read_options import ParseRules, Repeated
from orders_pipeline.order_files.records.ahead import in_order
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.values.cleaning import without_damaged_customers
from orders_pipeline.order_files.values.contacts import with_contacts
from orders_pipeline.order_files.values.convert import convert_lines
from orders_pipeline.order_files.values.decisions import ColumnEvidence, Decisions
from orders_pipeline.order_files.values.returned import RETURNED

# With two threads, one computes while the other waits for the disk. More threads only use more memory.
WORKERS = 2

CUSTOMER_DAMAGED = (
    "A spreadsheet rounded customer ids to numbers such as 1.5E+12. Their orders are imported as orders of "
    "guests. Export the file again with this column as text."
)


class RecordsLostError(RuntimeError):
    """The counts of a parsed file do not add up. This is a bug in the importer, not a fault in the file."""


def parse_order_file(path: Path, identified: Identified, rules: ParseRules, target: Path) -> ParsedFile:
    """Parses a file into the folder `target`, which is emptied first.

    Writes `batch-NNNN.orders.parquet`, `batch-NNNN.lines.parquet` and `rejects-NNNN.parquet`. Accepted
    returns are written in the form of batches, as `returns-NNNN.*`.

    Raises:
        FileRefused: the file cannot be read to its end, or the format of a column is ambiguous.
        RecordsLostError: the counts do not add up.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    evidence = ColumnEvidence(identified)
    first_pass = FirstPass(identified.opened(path), identified, evidence, contacts=rules.contacts)
    with TemporaryDirectory(prefix="spill-", dir=target) as folder:
        lines, plan = first_pass.spilled(Path(folder, "lines"), rules)
        orders = second_pass = None
        if companion := identify_companion(path, identified):
            second_pass = FirstPass(*companion, evidence, contacts=rules.contacts)
            orders, _ = second_pass.spilled(Path(folder, "orders"), rules, plan)
        decisions = evidence.decide()
        parts = _Parts(identified, rules, decisions, lines, orders, first_pass.pages)
        written = _write_all(parts, plan, target)
    passes = [first_pass, second_pass] if second_pass else [first_pass]
    return written.result(passes, decisions, identified)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The raw lines of a file, part by part, and how to settle them."""

    identified: Identified
    rules: ParseRules
    decisions: Decisions
    lines: Spill
    orders: Spill | None
    pages: list[int]

    def settle(self, part: int) -> SettledLines | None:
        raw = self.lines.part(part)
        companion = self.identified.profile.companion
        if raw is None:
            return None
        if self.orders and companion:
            raw = join_orders(raw, self.orders.part(part), companion)
        return settled(raw, self.identified, self.decisions, self.rules, self.pages)


def settled(
    raw: pl.DataFrame, identified: Identified, decisions: Decisions, rules: ParseRules, pages: Sequence[int]
) -> SettledLines:
    """Converts the raw lines of whole orders, and groups them into orders.

    Args:
        pages: record numbers of the repeated headers.

    Raises:
        FileRefused: orders are repeated after a repeated header, and the option `repeated` is `refuse`.
    """
    raw, guests = without_damaged_customers(raw) if decisions.signed else (raw, 0)
    profile = identified.profile.model_copy(update={"payment": identified.payment})
    kinds = kinds_in(identified.options.leave_out) | (profile.lines.kinds() if profile.lines else set())
    taken = profile.returns if are_returns_taken(profile.returns, identified.options) else None
    typed = convert_lines(raw, profile, decisions, rules, taken)
    typed, contact_warnings = with_contacts(typed)
    amounts = profile.owes_amounts
    per_line = amounts.per_line if amounts else ()
    kept, left_out, warnings = without_left_out(typed, kinds, per_line)
    warnings += contact_warnings
    if guests:
        warnings = (*warnings, FileWarning("customer_damaged", CUSTOMER_DAMAGED, guests))
    found = _with_returns(kept, column_names(identified), profile, pages)
    if found.repeated and identified.options.repeated == Repeated.REFUSE:
        raise FileRefused(
            "table_repeated",
            f"{identified.file_name} contains orders again after a repeated header.",
            "Remove the second table, or set the option repeated to once.",
        )
    return replace(found, left_out=left_out, warnings=(*warnings, *found.warnings))


def _with_returns(
    lines: pl.DataFrame, headers: dict[str, str], profile: Profile, pages: Sequence[int]
) -> SettledLines:
    if RETURNED not in lines.columns:
        return settle_lines(lines.drop(NAMED, strict=False), headers, profile, pages)
    returned = pl.col(RETURNED)
    sold, back = lines.filter(~returned).drop(NAMED, strict=False), lines.filter(returned)
    # The payment columns of a file are about its orders, not about its returns.
    of_returns = profile.model_copy(update={"payment": None})
    return settle_lines(sold, headers, profile, pages).with_returned(
        settle_lines(back, headers, of_returns, pages)
    )


class _Written:
    """Writes settled lines and counts them."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._batches: list[ParsedBatch] = []
        self._returns = self._return_lines = self._refunded = 0
        self._rejects: Counter[str] = Counter()
        self._orders_rejected = 0
        self._left_out = 0
        self._repeated = 0
        self._warnings: list[FileWarning] = []
        self._amounts: list[Sums] = []

    def add(self, number: int, settled: SettledLines) -> None:
        if settled.orders.height:
            _write_rows(self._target / f"batch-{number:04}", settled)
            self._refunded += refunded_orders(settled.orders)
            self._batches.append(ParsedBatch(number, settled.orders.height, settled.lines.height))
        if settled.returned and settled.returned.orders.height:
            _write_rows(self._target / f"returns-{number:04}", settled.returned)
            self._returns += settled.returned.orders.height
            self._return_lines += settled.returned.lines.height
        if settled.rejects.height:
            settled.rejects.write_parquet(
                self._target / f"rejects-{number:04}.parquet", compression="lz4", statistics=False
            )
            self._rejects.update(dict(settled.rejects["code"].value_counts().iter_rows()))
            self._orders_rejected += settled.rejects["order_number"].drop_nulls().n_unique()
        self._left_out += settled.left_out
        self._repeated += settled.repeated
        self._warnings += settled.warnings
        self._amounts.append(amount_sums(settled.orders, settled.lines))

    def result(self, passes: Sequence[FirstPass], decisions: Decisions, identified: Identified) -> ParsedFile:
        first_pass, *_ = passes
        lost = self._rejects.pop(RejectCode.ORDER_REJECTED.value, 0)
        rejected = self._rejects.total()
        accepted = sum(batch.lines for batch in self._batches)
        kept_out = self._left_out + self._repeated
        if first_pass.records != accepted + self._return_lines + rejected + lost + kept_out:
            counts = f"{accepted} accepted, {self._return_lines} of returns, {rejected} rejected"
            counts += f", {lost} lost with their order, {self._left_out} left out, {self._repeated} repeated"
            raise RecordsLostError(f"{first_pass.records} records, but {counts}")
        found = first_pass.encoding
        encoding = found.encoding if found else identified.encoding
        return ParsedFile(
            records=first_pass.records,
            rejected_lines=rejected,
            lines_of_rejected_orders=lost,
            orders_rejected=self._orders_rejected,
            rejects_by_code=dict(sorted(self._rejects.items())),
            batches=tuple(self._batches),
            detected=(*identified.findings, *_findings(first_pass, decisions)),
            encoding=encoding,
            export_note=note(encoding, decisions.dates.as_option(), decisions.price.character),
            left_out_lines=self._left_out,
            repeated_lines=self._repeated,
            warnings=(
                *(warning for one in passes for warning in one.warnings),
                *merged_warnings(self._warnings),
            ),
            returns=self._returns,
            return_lines=self._return_lines,
            refunded_orders=self._refunded,
            amounts=add_sums(self._amounts),
        )


def _write_rows(stem: Path, settled: SettledLines) -> None:
    settled.orders.write_parquet(f"{stem}.orders.parquet", compression="lz4")
    settled.lines.write_parquet(f"{stem}.lines.parquet", compression="lz4", statistics=False)


def _write_all(parts: _Parts, plan: Plan, target: Path) -> _Written:
    written = _Written(target)
    with ThreadPoolExecutor(WORKERS) as pool:
        settled = in_order(pool, parts.settle, range(plan.parts), ahead=WORKERS - 1)
        for number in range(1, plan.batches + 1):
            pieces = [piece for piece in islice(settled, plan.pieces) if piece is not None]
            if pieces:
                written.add(number, merge_settled(pieces))
    return written


def _findings(first_pass: FirstPass, decisions: Decisions) -> Iterator[Finding]:
    if found := first_pass.encoding:
        yield Finding("encoding", found.encoding, found.confidence, found.reason)
    mixed = "both separators occur" if decisions.price.mixed else "set by option or from the whole column"
    yield Finding(
        "decimal separator", decisions.price.character, 0.9 if decisions.price.mixed else 1.0, mixed
    )
    for family, order in decisions.dates.orders:
        shape = f"dates with {family[0]} and a {family[1]}-digit year"
        if family in decisions.dates.mixed:
            yield Finding("date order", "mixed", 0.5, f"{shape} use several orders")
        else:
            yield Finding("date order", order.value, 1.0, f"{shape}: set by option or from the whole column")
