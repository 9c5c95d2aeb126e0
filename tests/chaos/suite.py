"""Rounds of imports, refunds and faults on one back end, and their results."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import PaymentCapture
from orders_pipeline.imports.arrival.quarantine import dismiss_files, list_quarantined
from tests.chaos.data_faults import tidy_backups
from tests.chaos.faults import ALERTS, COMMAND_KILLED, EARLY, FAULTS, HOSTILE, faults_of
from tests.chaos.home import ChaosHome, chaos_home, wait_until_settled
from tests.chaos.journals import journal_differences
from tests.chaos.money import Operators, act_undisturbed
from tests.chaos.outcomes import differences, outcome_hash, outcomes, units_sold
from tests.chaos.plan import ORDER_FILES, Plan
from tests.chaos.raised_alerts import RAISED_WITHIN_SECONDS, was_raised
from tests.chaos.workload import order_file, scarce_file, stock_up, undisturbed
from tests.import_bench import ImportBench

HUNG_AFTER_SECONDS = 300
BEGUN_WITHIN_SECONDS = 120
PAUSE_SECONDS = 6.0
SCARCE_ORDERS = 100
SMALL_ORDERS, SMALL_FILES_FROM = 3, 10_000


@dataclass(slots=True)
class Injected:
    """One fault: its back end, the time until everything was settled, and the violations found then.

    Attributes:
        harmed: whether there was anything that it could harm.
    """

    number: int
    fault: str
    back_end: str
    harmed: bool
    at: int
    ended: float
    recovered_in: float | None = None
    violations: int = 0


@dataclass(slots=True)
class BackEndResult:
    """All faults of one back end, and everything that went wrong.

    Attributes:
        next_fault: with which to go on if the run is broken off.
    """

    back_end: str
    orders: int = 0
    seconds: float = 0.0
    hash: str = ""
    refunds: int = 0
    units_sold: dict[str, int] = field(default_factory=dict)
    injected: list[Injected] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    next_fault: int = 1
    broken_off: bool = False

    @property
    def harmed(self) -> int:
        """The number of faults that found something to harm."""
        return sum(one.harmed for one in self.injected)


@dataclass(slots=True)
class BackEndChaos:
    """Chaos on one home, and the same work undisturbed as a reference."""

    home: ChaosHome
    reference: ImportBench
    folder: Path
    plan: Plan
    say: Callable[[str], None]
    result: BackEndResult
    launched: int = 0
    operators: Operators | None = None

    def run(self) -> None:
        """Runs all rounds, each of which must settle."""
        self._use_capture(self.plan.rounds.start - 1)
        before = self._import(self._file(self.plan.rounds.start * ORDER_FILES), by_command=False)
        self._settle()
        for number in self.plan.rounds:
            if self.result.violations:
                return
            before = self._round(number, before)
            self.result.next_fault = self.plan.next_after(number)

    def _round(self, number: int, before: str) -> str:
        """Returns the partition key of the last file.

        Args:
            before: partition key of the file whose orders are refunded meanwhile.
        """
        self._use_capture(number)
        names = [name for name in faults_of(self.home) if name in (self.plan.only or FAULTS)]
        chosen = self.plan.faults_of(number, names, self.home.name)
        chosen.sort(key=lambda one: EARLY.index(one[1]) if one[1] in EARLY else len(EARLY))
        self._give_money_back(number, before)
        first = number * ORDER_FILES + 1
        self._import(self._file(first), by_command=False)
        self._import(self._file(first + 1), by_command=any(name == COMMAND_KILLED for _, name in chosen))
        self._wait_for(lambda: self.home.has_begun(self.launched))
        early = [one for one in chosen if one[1] in (COMMAND_KILLED, HOSTILE)]
        injected = [self._inject(*one) for one in early]
        self._drop_small_files(number)
        rest = [one for one in chosen if one not in early]
        injected += [self._inject(*one) for one in rest[: len(rest) // 2]]
        last = self._import(self._file(first + 2), by_command=False)
        injected += [self._inject(*one) for one in rest[len(rest) // 2 :]]
        self._judge(injected)
        return last

    def _judge(self, injected: Sequence[Injected]) -> None:
        known = len(self.result.violations)
        settled = self._settle()
        self.result.violations += [
            f"no alert was raised for: {one.fault}" for one in injected if not self._is_reported(one)
        ]
        if settled:
            self._compare()
        for fault in injected:
            fault.recovered_in = time.monotonic() - fault.ended if settled else None
            fault.violations = len(self.result.violations) - known
        self.say(f"{self.home.name}: {'settled' if settled else 'hung'}")
        for violation in self.result.violations:
            self.say(f"{self.home.name}: violated: {violation}")

    def _is_reported(self, fault: Injected) -> bool:
        name = ALERTS.get(fault.fault)
        if name is None or not fault.harmed:
            return True
        while not (raised := was_raised(self.home.engine, name, fault.at)):
            if now_us() > fault.at + RAISED_WITHIN_SECONDS * 1_000_000:
                break
            time.sleep(1)
        return raised

    def _inject(self, number: int, name: str) -> Injected:
        chance = self.plan.chance(self.home.name, number)
        time.sleep(chance.uniform(0, 0 if name in EARLY else PAUSE_SECONDS))
        self.say(f"{self.home.name}: fault {number}: {name}")
        at = now_us()
        harmed = FAULTS[name](self.home, chance)
        if not harmed:
            self.say(f"{self.home.name}: fault {number}: {name} found nothing to harm")
        self.home.left_alone_at = time.monotonic()
        fault = Injected(number, name, self.home.name, harmed, at, self.home.left_alone_at)
        self.result.injected.append(fault)
        return fault

    def _use_capture(self, number: int) -> None:
        capture = capture_of(self.plan, number)
        self.reference.set(payment_capture=capture)
        if self.home.settings.payment_capture is not capture:
            self.home.restart_with(payment_capture=capture)

    def _give_money_back(self, number: int, key: str) -> None:
        self.operators = None
        if not self.plan.money_back:
            return
        chance = self.plan.chance("money back", number)
        captured = self.plan.captures_later(number - 1)
        actions = act_undisturbed(self.reference, f"round{number}", key, chance, captured)
        self.result.refunds += len(actions.asked)
        self.operators = Operators(self.home, actions, self.folder)
        self.operators.start()

    def _drop_small_files(self, number: int) -> None:
        """Drops small files. Faults follow as soon as the first one is begun, to hit a shared run."""
        if not self.plan.small_files:
            return
        first = SMALL_FILES_FROM + number * self.plan.small_files
        files = [
            order_file(self.folder, self.plan.seed, first + at, SMALL_ORDERS)
            for at in range(self.plan.small_files)
        ]
        for file in files:
            self.reference.settle(self.reference.stage(file))
        for file in files:
            self.home.drop(file)
        self.result.orders += self.plan.small_files * SMALL_ORDERS
        self.launched += self.plan.small_files

    def _settle(self) -> bool:
        """Waits until everything is settled, and checks every invariant then."""
        # Each of their steps has a limit of its own.
        while self.operators and not self.operators.is_done:
            time.sleep(0.5)
        settled = wait_until_settled(self.home, self.launched, HUNG_AFTER_SECONDS) is not None
        if not settled:
            self.result.violations.append(f"hung: {self._open()}")
        if self.operators:
            self.result.violations += self.operators.problems
        self.result.violations += self.home.broken_checks()
        self.result.violations += journal_differences(self.home.engine, self.home.gateway)
        self._tidy()
        return settled

    def _tidy(self) -> None:
        """The final actions of operators: they dismiss files in quarantine, and make a backup."""
        with self.home.engine.begin() as connection:
            ids = [file.id for file in list_quarantined(connection, SMALL_FILES_FROM)]
            dismiss_files(connection, ids, "chaos")
        self.result.violations += tidy_backups(self.home)

    def _wait_for(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + BEGUN_WITHIN_SECONDS
        while not reached() and time.monotonic() < deadline:
            time.sleep(0.2)

    def _file(self, number: int) -> Path:
        self.result.orders += self.plan.orders
        return order_file(self.folder, self.plan.seed, number, self.plan.orders)

    def _import(self, file: Path, by_command: bool) -> str:
        key = self.reference.stage(file)
        self.reference.settle(key)
        self.launched += 1
        if by_command:
            self.home.start_command("import", str(file))
        else:
            self.home.launch(file)
        return key

    def _open(self) -> str:
        statuses = self.home.statuses()
        return ", ".join(f"{key} is {status}" for key, status in statuses.items() if status != "finished")

    def _compare(self) -> None:
        found, expected = outcomes(self.home.engine), outcomes(self.reference.engine)
        self.result.hash = outcome_hash(found)
        self.result.violations += [
            f"other than undisturbed: {difference}" for difference in differences(found, expected)
        ]

    def run_scarce(self) -> None:
        """Imports orders for the last units of a product, captured at once."""
        self._use_capture(self.plan.rounds.stop)
        self.result.orders += SCARCE_ORDERS
        self._import(scarce_file(self.folder, self.plan.seed, SCARCE_ORDERS), by_command=False)
        self._settle()
        self.result.units_sold = units_sold(self.home.engine)
        if self.result.units_sold != units_sold(self.reference.engine):
            self.result.violations.append("other units were sold than by an undisturbed import")


def capture_of(plan: Plan, number: int) -> PaymentCapture:
    """When payments are captured in a round."""
    return PaymentCapture.LATER if plan.captures_later(number) else PaymentCapture.AT_CHARGE


def run_back_end(
    folder: Path, database: str, broker: str, plan: Plan, say: Callable[[str], None]
) -> BackEndResult:
    """Chaos on one kind of store and broker, with separate servers and a separate stack."""
    began = time.monotonic()
    result = BackEndResult(f"{database} + {broker}", next_fault=plan.first)
    own = folder / f"{database}-{broker}"
    capture = capture_of(plan, plan.rounds.start - 1)
    with (
        chaos_home(own, database, broker, plan.default_timeouts, payment_capture=capture) as home,
        undisturbed(own) as reference,
    ):
        stock_up(ImportBench(home.engine, folder, home.settings))
        chaos = BackEndChaos(home, reference, own, plan, say, result)
        try:
            chaos.run()
            if plan.scarce and not result.violations:
                chaos.run_scarce()
        except KeyboardInterrupt:
            result.broken_off = True
        except Exception as error:  # noqa: BLE001 what was found until then is shown
            traceback.print_exc()
            result.violations.append(f"broken off: {error!r}")
    result.seconds = time.monotonic() - began
    return result
