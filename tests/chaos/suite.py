"""Rounds of imports and faults on one back end, and what came of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults import FAULTS, faults_of
from tests.chaos.home import ChaosHome, chaos_home, wait_until_settled
from tests.chaos.outcomes import outcome_hash, units_sold
from tests.chaos.workload import order_file, scarce_file, stock_up, undisturbed
from tests.import_bench import ImportBench

HUNG_AFTER_SECONDS = 300
BEGUN_WITHIN_SECONDS = 120
FILES_AT_FIRST, FAULTS_A_FILE = 2, 3
PAUSE_SECONDS = 6.0
SCARCE_ORDERS = 100
SMALL_ORDERS, SMALL_FILES_FROM = 3, 10_000
IMPORT_KILLED = "import command killed"


@dataclass(slots=True)
class Injected:
    """One fault: on which back end, how long until everything was settled, and what was violated then."""

    fault: str
    back_end: str
    recovered_in: float | None = None
    violations: int = 0


@dataclass(slots=True)
class BackEndResult:
    """All faults of one back end, and whatever went wrong."""

    back_end: str
    orders: int = 0
    seconds: float = 0.0
    hash: str = ""
    units_sold: dict[str, int] = field(default_factory=dict)
    injected: list[Injected] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to each back end.

    Attributes:
        faults: how many are injected.
        orders: a file.
        a_round: faults after which all imports have to settle.
        only: names of the faults that are chosen from; empty: all.
        default_timeouts: whether the home's timeouts are those that it has without settings.
        scarce: whether orders for the last units of a product follow.
        small_files: how many are dropped into the inbox at once, in the first round; they share runs.
    """

    faults: int
    seed: int
    orders: int
    a_round: int = 5
    only: tuple[str, ...] = ()
    default_timeouts: bool = False
    scarce: bool = True
    small_files: int = 40

    @property
    def files(self) -> int:
        """Files of one back end: the same number on each, so that outcomes can be compared."""
        a_round = FILES_AT_FIRST + self.a_round // FAULTS_A_FILE
        return a_round * -(-self.faults // self.a_round)


@dataclass(slots=True)
class BackEndChaos:
    """Chaos on one home, and the same imports undisturbed as a reference."""

    home: ChaosHome
    reference: ImportBench
    folder: Path
    plan: Plan
    say: Callable[[str], None]
    result: BackEndResult
    files: int = 0
    launched: int = 0
    dropped: bool = False

    def run(self) -> None:
        """Rounds until so many faults were injected, and all files are imported."""
        draw = random.Random(f"{self.plan.seed}/{self.home.name}")  # noqa: S311 no secret
        while len(self.result.injected) < self.plan.faults and not self.result.violations:
            self._round(self._next_faults(draw), draw)
        while self.files < self.plan.files and not self.result.violations:
            self._import(self._next_file(), by_command=False)
        if not self.result.violations and self._settle():
            self._compare()

    def _next_faults(self, draw: random.Random) -> list[str]:
        """The rarest faults so far, so that each has its turn; a command is killed before it has ended."""
        names = [name for name in faults_of(self.home) if name in (self.plan.only or FAULTS)]
        times = Counter(one.fault for one in self.result.injected)
        wanted = min(self.plan.a_round, self.plan.faults - len(self.result.injected))
        chosen = sorted(draw.sample(names, len(names)), key=lambda name: times[name])[:wanted]
        return sorted(chosen, key=lambda name: name != IMPORT_KILLED)

    def _round(self, chosen: list[str], draw: random.Random) -> None:
        self._import(self._next_file(), by_command=False)
        self._import(self._next_file(), by_command=IMPORT_KILLED in chosen)
        self._wait_for(lambda: self.home.has_begun(self.launched))
        self._drop_small_files()
        injected = [one for name in chosen if (one := self._inject(name, draw))]
        known = len(self.result.violations)
        settled = self._settle()
        for at, fault in injected:
            fault.recovered_in = time.monotonic() - at if settled else None
            fault.violations = len(self.result.violations) - known

    def _drop_small_files(self) -> None:
        """Faults follow as soon as the first of them is begun, so that they meet a shared run."""
        if self.dropped or not self.plan.small_files:
            return
        self.dropped = True
        for number in range(self.plan.small_files):
            file = order_file(self.folder, self.plan.seed, SMALL_FILES_FROM + number, SMALL_ORDERS)
            self.reference.settle(self.reference.stage(file))
            self.home.drop(file)
        self.result.orders += self.plan.small_files * SMALL_ORDERS
        launched, self.launched = self.launched, self.launched + self.plan.small_files
        self._wait_for(lambda: self.home.has_begun(launched + 1))

    def _inject(self, name: str, draw: random.Random) -> tuple[float, Injected] | None:
        """The fault and when it was over; None where there was nothing to harm."""
        if not self.home.is_at_work() and self.files < self.plan.files:
            self._import(self._next_file(), by_command=False)
            self._wait_for(self.home.is_at_work)
        time.sleep(draw.uniform(0, PAUSE_SECONDS))
        self.say(f"{self.home.name}: {name}")
        if not FAULTS[name](self.home, draw):
            self.say(f"{self.home.name}: {name} found nothing to harm")
            return None
        fault = Injected(name, self.home.name)
        self.result.injected.append(fault)
        return time.monotonic(), fault

    def _settle(self) -> bool:
        """Whether everything settles in time; checks every invariant then."""
        settled = wait_until_settled(self.home, self.launched, HUNG_AFTER_SECONDS) is not None
        if not settled:
            self.result.violations.append(f"hung: {self._open()}")
        self.result.violations += self.home.broken_checks()
        return settled

    def _wait_for(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + BEGUN_WITHIN_SECONDS
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.2)

    def _next_file(self) -> Path:
        self.files += 1
        self.result.orders += self.plan.orders
        return order_file(self.folder, self.plan.seed, self.files, self.plan.orders)

    def _import(self, file: Path, by_command: bool) -> None:
        self.reference.settle(self.reference.stage(file))
        self.launched += 1
        if by_command:
            self.home.import_by_command(file)
        else:
            self.home.launch(file)

    def _open(self) -> str:
        statuses = self.home.statuses()
        return ", ".join(f"{key} is {status}" for key, status in statuses.items() if status != "finished")

    def _compare(self) -> None:
        self.result.hash = outcome_hash(self.home.engine)
        if self.result.hash != outcome_hash(self.reference.engine):
            self.result.violations.append("the outcomes differ from those of an undisturbed import")

    def run_scarce(self) -> None:
        """Orders for the last units of a product."""
        self.result.orders += SCARCE_ORDERS
        self._import(scarce_file(self.folder, self.plan.seed, SCARCE_ORDERS), by_command=False)
        self._settle()
        self.result.units_sold = units_sold(self.home.engine)
        if self.result.units_sold != units_sold(self.reference.engine):
            self.result.violations.append("other units were sold than by an undisturbed import")


def run_back_end(
    folder: Path, database: str, broker: str, plan: Plan, say: Callable[[str], None]
) -> BackEndResult:
    """Chaos on one kind of store and broker, on servers and a stack of its own."""
    began = time.monotonic()
    result = BackEndResult(f"{database} + {broker}")
    own = folder / f"{database}-{broker}"
    with chaos_home(own, database, broker, plan.default_timeouts) as home, undisturbed(own) as reference:
        stock_up(ImportBench(home.engine, folder, home.settings))
        chaos = BackEndChaos(home, reference, own, plan, say, result)
        chaos.run()
        if plan.scarce and not result.violations:
            chaos.run_scarce()
    result.seconds = time.monotonic() - began
    return result
