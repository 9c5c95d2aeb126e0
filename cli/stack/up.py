"""The work of `orders up` and `orders restart`. The caller holds the home's start lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address, ip_network

from cli.stack.accounts import other_logins
from cli.stack.dagster_home import prepare_dagster
from cli.stack.errors import StackError
from cli.stack.layout import Layout
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
from cli.stack.programs.programs import CODE_SERVER, KEEPER, REDIS, VIEWER, WEBSERVER, Plan
from cli.stack.programs.roles import roles
from cli.stack.programs.workers import QUEUES_OF, WORKER, WORKER_DEFAULT, WORKER_ORDERS
from cli.stack.readiness import definitions_are_loaded, is_guarded, listens, local_access, wait_for_program
from cli.stack.supervision.supervisor import Supervisor
from orders_pipeline.services.redis_server import outdated_server


def bring_up(plan: Plan, names: Sequence[str], say: Say) -> None:
    """Starts these programs, restarts changed ones, waits for all, and keeps them running."""
    end_orphans(plan.layout, say)
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
    _tell_of_redis(names, say)
    _tell_of_others(plan, say)
    _tell_of_header(plan, say)


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
    for name, one in running.items():
        wait_for_program(plan.layout, name, partial(listens, plan.layout, one))
    for name in (WEBSERVER, VIEWER):
        if (program := running.get(name)) and program.port:
            _wait_for_web(plan.layout, f"http://127.0.0.1:{program.port.number}")


def _wait_for_web(layout: Layout, url: str) -> None:
    if layout.guarded.exists() and not is_guarded(url):
        raise StackError("not_guarded", f"The webserver at {url} is open without a sign-in")
    wait_for_program(layout, CODE_SERVER, lambda: definitions_are_loaded(url, local_access(layout)))


def _stop_switched_off(plan: Plan, say: Say) -> None:
    """Stops programs that the current settings or code no longer include."""
    known = {*roles(plan.settings), WORKER, KEEPER}
    if off := [name for name in running_programs(plan.layout) if name not in known]:
        say("Stopping programs that are switched off: " + ", ".join(off))
        Supervisor(plan.layout).remove(off)


def _tell_of_redis(names: Sequence[str], say: Say) -> None:
    """Warns if the embedded Redis is one with known faults."""
    if REDIS in names and (message := outdated_server()):
        say(f"Warning: {message}")


def _tell_of_others(plan: Plan, say: Say) -> None:
    """Warns about other accounts that can use the webserver, if it requires no sign-in."""
    web = {WEBSERVER, VIEWER} & running_programs(plan.layout).keys()
    if web and not plan.layout.guarded.exists() and (others := other_logins()):
        say(
            f"Warning: other accounts of this machine ({', '.join(others[:5])}) can use Dagster's webserver "
            "and launch its jobs; `orders up --guarded` requires a sign-in"
        )


def _tell_of_header(plan: Plan, say: Say) -> None:
    """Warns about other accounts that can sign in as any user, because a proxy on this machine is trusted."""
    local = any(ip_address("127.0.0.1") in ip_network(one) for one in plan.settings.proxy_addresses)
    if plan.settings.proxy_user_header and local and (others := other_logins()):
        say(
            f"Warning: other accounts of this machine ({', '.join(others[:5])}) can sign in to the console "
            "as any user, because ORDERS_PROXY_USER_HEADER is trusted from 127.0.0.1"
        )


def _let_stay(plan: Plan, say: Say) -> None:
    supervisor = Supervisor(plan.layout)
    running = running_programs(plan.layout)
    if KEEPER in running:
        supervisor.remove([KEEPER])
    if WORKER in running and {WORKER_ORDERS, WORKER_DEFAULT} <= running.keys():
        say("Stopping the worker of `orders import`, which finishes its current batch first")
        supervisor.remove([WORKER])
