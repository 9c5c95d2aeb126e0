"""The work of `orders up` and `orders restart`. The caller holds the home's start lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cli.stack.dagster_home import prepare_dagster
from cli.stack.errors import StackError
from cli.stack.lifecycle import (
    Say,
    changed_programs,
    end_orphans,
    ensure,
    refuse_taken_ports,
    restart,
    running_programs,
    wait_for_workers,
)
from cli.stack.programs import CODE_SERVER, KEEPER, REDIS, VIEWER, WEBSERVER, Plan
from cli.stack.readiness import definitions_are_loaded, port_accepts, wait_for_program
from cli.stack.roles import roles
from cli.stack.supervisor import Supervisor
from cli.stack.workers import QUEUES_OF, WORKER, WORKER_DEFAULT, WORKER_ORDERS


def bring_up(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Starts these programs, restarts changed ones, waits for all and makes them stay."""
    end_orphans(plan, say)
    refuse_taken_ports(plan, names)
    _stop_switched_off(plan, say)
    restart(plan, changed_programs(plan), say)
    first = [name for name in names if name == REDIS or name in QUEUES_OF]
    ensure(plan, first, say)
    prepare_dagster(plan.settings)
    ensure(plan, [name for name in names if name not in first], say)
    say("Waiting until all programs are ready")
    wait_until_ready(plan)
    _let_stay(plan, say)


def renew(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Restarts running programs (default: all except Redis).

    Raises:
        StackError: a program is not running.
    """
    running = running_programs(plan.layout)
    for name in names:
        if name not in running:
            raise StackError(
                "not_running", f"The {name} is not running", "`orders status` shows the running programs"
            )
    restart(plan, names or [name for name in running if name not in (REDIS, KEEPER)], say)
    wait_until_ready(plan)


def wait_until_ready(plan: Plan) -> None:
    """Waits until each running program is ready.

    Raises:
        StackError: a program is not ready; the message has the end of its log.
    """
    wait_for_workers(plan)
    running = running_programs(plan.layout)
    for name, port in [(name, program.port) for name, program in running.items() if program.port]:
        wait_for_program(plan.layout, name, partial(port_accepts, port.number))
    for name in (WEBSERVER, VIEWER):
        if (program := running.get(name)) and program.port:
            url = f"http://127.0.0.1:{program.port.number}"
            wait_for_program(plan.layout, CODE_SERVER, partial(definitions_are_loaded, url))


def _stop_switched_off(plan: Plan, say: Say) -> None:
    """Stops programs that the current settings or code no longer have."""
    known = {*roles(plan.settings), WORKER, KEEPER}
    if off := [name for name in running_programs(plan.layout) if name not in known]:
        say("Stopping programs that are switched off: " + ", ".join(off))
        Supervisor(plan.layout).remove(off)


def _let_stay(plan: Plan, say: Say) -> None:
    supervisor = Supervisor(plan.layout)
    running = running_programs(plan.layout)
    if KEEPER in running:
        supervisor.remove([KEEPER])
    if WORKER in running and {WORKER_ORDERS, WORKER_DEFAULT} <= running.keys():
        say("Stopping the worker of `orders import`, which finishes its current batch first")
        supervisor.remove([WORKER])
