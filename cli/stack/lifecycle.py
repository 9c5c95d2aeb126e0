"""The steps that start and stop background processes; all of them are taken under the home's start lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.leftovers import end_leftovers, find_leftovers
from cli.stack.programs import KEEPER, REDIS, WORKER, Plan, make_program, worker_node
from cli.stack.readiness import port_accepts, redis_answers, wait_for_program, worker_answers
from cli.stack.supervisor import Condition, Supervisor
from orders_pipeline.redis_server import broker_url, redis_url

Say = Callable[[str], None]


def is_unused(layout: Layout) -> bool:
    """Whether processes run that are not to stay; whether a command needs them, the membership lock tells."""
    supervisor = Supervisor(layout)
    return supervisor.condition() is Condition.RUNNING and KEEPER in supervisor.states()


def ensure(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Start those programs that are absent, and a keeper beside them when nothing ran before."""
    supervisor = Supervisor(plan.layout)
    supervisor.wait_if_stopping()
    running = supervisor.condition() is Condition.RUNNING
    known = supervisor.states() if running else {}
    if not running:
        end_leftovers(plan.settings.home, say)
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
    """Stop every program, Redis last: a worker that ends its batch reports to it."""
    supervisor = Supervisor(layout)
    running = supervisor.condition() is not Condition.GONE
    if supervisor.condition() is Condition.RUNNING:
        names = [name for name in supervisor.states() if name not in (REDIS, KEEPER)]
        say("Stopping; a worker ends its batch first")
        supervisor.stop(names)
        supervisor.shutdown()
    supervisor.wait_if_stopping()
    left = find_leftovers(layout.home)
    end_leftovers(layout.home, say)
    return running or bool(left)


def wait_for_worker(plan: Plan) -> None:
    """Wait until this home's own worker answers."""
    broker, node = broker_url(plan.settings), worker_node(plan.settings)
    wait_for_program(plan.layout, WORKER, lambda: worker_answers(broker, node, seconds=0.25))


def refuse_taken_ports(plan: Plan, names: Sequence[str]) -> None:
    """Make sure that these programs can have their ports, unless they have them already.

    Raises:
        StackError: another process listens there; the hint names the setting.
    """
    supervisor = Supervisor(plan.layout)
    known = supervisor.states() if supervisor.condition() is Condition.RUNNING else {}
    programs = [make_program(name, plan) for name in names if name not in known]
    for port in [program.port for program in programs if program.port]:
        if port_accepts(port.number):
            raise StackError(
                "port_taken",
                f"Port {port.number} of 127.0.0.1 is taken by another process",
                f"Set {port.setting} to a free port, or stop what uses it",
            )
