"""Runs the gateway simulator with a journal on a port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.simulator.app import Simulator
from orders_pipeline.payments.simulator.connection import BreakableConnection
from orders_pipeline.payments.simulator.events import EventSender
from orders_pipeline.payments.simulator.faults import FaultPlan
from orders_pipeline.payments.simulator.journal import Journal


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Options of the simulator; delays are in seconds.

    Attributes:
        port: 0 takes a free port.
        events: where events are sent to, and their secret.
        seed: empty keeps the seed of the journal.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 0
    seed: str = ""
    success_rate: float = 0.9
    delay_min: float = 0.0
    delay_max: float = 0.0
    capture_success_rate: float = 1.0
    refund_success_rate: float = 1.0
    refund_delay_min: float = 0.0
    refund_delay_max: float = 0.0
    faults: FaultPlan = field(default_factory=FaultPlan)
    api_key: str = field(default="", repr=False)
    events: EventSender = field(default_factory=EventSender)


def run_simulator(options: GatewayOptions, ready: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT; calls `ready` with the URL once it accepts requests.

    Raises:
        SettingsError: another process uses the journal.
        OSError: the port cannot be used.
    """
    journal = Journal(options.folder)
    try:
        with _listen(options) as listening:
            host, port = listening.getsockname()[:2]
            ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
            uvicorn.Server(_config(options, journal)).run(sockets=[listening])
    finally:
        journal.close()


def _listen(options: GatewayOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family, backlog=2048)


def _config(options: GatewayOptions, journal: Journal) -> uvicorn.Config:
    outcomes = SimulatedGateway(
        seed=journal.seed(options.seed),
        success_rate=options.success_rate,
        delay_min=options.delay_min,
        delay_max=options.delay_max,
        capture_success_rate=options.capture_success_rate,
        refund_success_rate=options.refund_success_rate,
        refund_delay_min=options.refund_delay_min,
        refund_delay_max=options.refund_delay_max,
    )
    simulator = Simulator(outcomes, journal, options.faults, options.api_key, options.events)
    return uvicorn.Config(
        simulator.app(),
        http=BreakableConnection,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
