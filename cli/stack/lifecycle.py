"""The steps to start and stop background processes. The caller holds the home's start lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.programs.program import Program
from cli.stack.programs.programs import KEEPER, REDIS, Plan, make_program
from cli.stack.programs.workers import QUEUES_OF, WORKER, WORKER_DEFAULT, WORKER_ORDERS, worker_node
from cli.stack.readiness import POLL_SECONDS, port_accepts, redis_answers, wait_for_program
from cli.stack.supervision.leftovers import end_leftovers, find_leftovers
from cli.stack.supervision.locks import has_members
from cli.stack.supervision.supervisor import Condition, Supervisor
from orders_pipeline.services.redis_server import broker_url, redis_url

Say = Callable[[str], None]
KILLED_WITHIN_SECONDS = 3


def is_unused(layout: Layout) -> bool:
    """Whether the running processes are temporary: started for a command, not by `orders up`.

    The membership lock tells whether a command still needs them.
    """
    supervisor = Supervisor(layout)
    return supervisor.condition() is Condition.RUNNING and KEEPER in supervisor.states()


def end_orphans(layout: Layout, say: Say) -> None:
    """Ends processes that a killed supervisor left behind; they may occupy ports."""
    supervisor = Supervisor(layout)
    supervisor.wait_if_stopping()
    if supervisor.condition() is Condition.GONE:
        end_leftovers(layout.home, say)


def stop_unneeded(layout: Layout, say: Say) -> None:
    """Stops temporary processes that no command needs any more."""
    if not has_members(layout.run) and is_unused(layout):
        stop(layout, say)


def ensure(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Starts the programs that are not running, and a keeper if nothing was running."""
    end_orphans(plan.layout, say)
    supervisor = Supervisor(plan.layout)
    running = supervisor.condition() is Condition.RUNNING
    known = supervisor.states() if running else {}
    wanted = names if running else [*names, KEEPER]
    new = [make_program(name, plan) for name in wanted if name not in known]
    if running:
        supervisor.add(new)
    else:
        say("Starting " + ", ".join(names))
        supervisor.launch(new)
    for name in wanted:
        supervisor.start(name)
    if REDIS in names:
        url = redis_url(plan.settings)
        wait_for_program(plan.layout, REDIS, lambda: redis_answers(url))


def stop(layout: Layout, say: Say) -> bool:
    """Stops every program; Redis is last, because workers need it to finish their batches."""
    supervisor = Supervisor(layout)
    running = supervisor.condition() is not Condition.GONE
    if supervisor.condition() is Condition.RUNNING:
        names = [name for name in supervisor.states() if name not in (REDIS, KEEPER)]
        say("Stopping; workers finish their current batch first")
        supervisor.stop(names)
        supervisor.shutdown()
    supervisor.wait_if_stopping()
    left = find_leftovers(layout.home)
    end_leftovers(layout.home, say)
    return running or bool(left)


def running_programs(layout: Layout) -> dict[str, Program]:
    """Returns the programs that the supervisor runs, by name; none if there is no supervisor."""
    supervisor = Supervisor(layout)
    return supervisor.programs() if supervisor.condition() is Condition.RUNNING else {}


def missing_workers(layout: Layout) -> list[str]:
    """Returns the workers to start so that every queue is served; none if those of `orders up` run."""
    return [] if {WORKER_ORDERS, WORKER_DEFAULT} <= running_programs(layout).keys() else [WORKER]


def wait_for_workers(plan: Plan) -> None:
    """Waits until this home's workers answer."""
    from cli.stack.broker import asking  # noqa: PLC0415 it loads while the workers start

    broker = broker_url(plan.settings)
    for name in [name for name in running_programs(plan.layout) if name in QUEUES_OF]:
        with asking(broker, worker_node(name, plan.settings)) as answers:
            wait_for_program(plan.layout, name, answers)


def restart(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Stops running programs together, gracefully, and starts them with the current settings and code."""
    if names:
        say("Restarting " + ", ".join(names) + "; workers finish their current batch first")
        supervisor = Supervisor(plan.layout)
        supervisor.remove(names)
        ensure(plan, names, say)


def changed_programs(plan: Plan) -> list[str]:
    """Returns the running programs whose settings or code have changed.

    Redis is left out: a restart would lose its queues, and none of its settings can change.
    """
    known = running_programs(plan.layout)
    return [name for name in known if name not in (REDIS, KEEPER) and known[name] != make_program(name, plan)]


def refuse_taken_ports(plan: Plan, names: Sequence[str]) -> None:
    """Checks that the ports of these programs are free or already theirs.

    Raises:
        StackError: other processes listen on ports; the message names all of them, the hint their settings.
    """
    known = running_programs(plan.layout)
    taken = {program.port for program in known.values()}
    programs = [make_program(name, plan) for name in names if name != REDIS]
    needed = [program.port for program in programs if program.port and program.port not in taken]
    occupied = [port for port in needed if _stays_taken(port.number)]
    if occupied:
        numbers = ", ".join(str(port.number) for port in occupied)
        settings = ", ".join(port.setting for port in occupied)
        raise StackError(
            "port_taken",
            f"Other processes use these ports of 127.0.0.1: {numbers}",
            f"Set {settings} to free ports, or stop the other processes",
        )


def _stays_taken(port: int) -> bool:
    # The kernel can take a moment to release the port of a killed process.
    deadline = time.monotonic() + KILLED_WITHIN_SECONDS
    while port_accepts(port):
        if time.monotonic() > deadline:
            return True
        time.sleep(POLL_SECONDS)
    return False
