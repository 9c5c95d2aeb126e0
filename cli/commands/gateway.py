"""`orders gateway`: runs the payment gateway simulator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from cli.failure import CommandFailed
from cli.output import JsonOption, command, emit, progress
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.payments.simulator.faults import PASSING, Fault, FaultPlan

KINDS = f"{', '.join(Fault)}; or all, which is all but {Fault.REFUSE}"
FAULT_HINT = f"Use --fault KIND=SHARE. KIND is {KINDS}. The sum of all shares is at most 1."


def gateway(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 means any free port.", min=0, max=65535)
    ] = 4270,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the journal.", show_default="gateway/ in ORDERS_HOME")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=SHARE",
            help=f"Share of requests that a fault affects. KIND: {KINDS}.",
        ),
    ] = None,
    fault_seed: Annotated[str, typer.Option(help="Seed of the faults.")] = "",
    first_requests: Annotated[
        int,
        typer.Option(
            help="Number of requests with a key that a fault can affect, from the first; 0 means all.", min=0
        ),
    ] = 0,
    slow_seconds: Annotated[float, typer.Option(help="Duration of a slow request.", min=0)] = 2.0,
    late_seconds: Annotated[float, typer.Option(help="How long a late success is pending.", min=0)] = 2.0,
    hang_seconds: Annotated[float, typer.Option(help="Duration of timeout_after.", min=0)] = 60.0,
    retry_after: Annotated[int, typer.Option(help="Retry-After of rate_limited, in seconds.", min=0)] = 1,
    forget_keys: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Forget idempotency keys after this many seconds.",
            show_default="never",
            min=0,
        ),
    ] = None,
    events: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Send events to it, such as http://localhost:8000/api/gateway/events."
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Run the payment gateway simulator until SIGTERM or SIGINT. Set ORDERS_PAYMENT_URL to its address.

    The ORDERS_PAYMENT_* and ORDERS_REFUND_* settings give its seed, success rates, delays, API key and the
    secret that signs its events.
    """
    from orders_pipeline.payments.simulator.events import EventSender  # noqa: PLC0415
    from orders_pipeline.payments.simulator.server import GatewayOptions, run_simulator  # noqa: PLC0415

    settings = load_settings()
    if events and not settings.payment_webhook_secret:
        hint = "Set it for the simulator, and for `orders up`."
        raise CommandFailed("no_secret", "Events need ORDERS_PAYMENT_WEBHOOK_SECRET.", hint)
    plan = _plan(
        rates=_rates(fault or []),
        seed=fault_seed,
        first_requests=first_requests,
        slow_seconds=slow_seconds,
        late_seconds=late_seconds,
        hang_seconds=hang_seconds,
        retry_after_seconds=retry_after,
        forget_keys_after=forget_keys,
    )
    options = GatewayOptions(
        folder=folder or _default_folder(settings),
        host=host,
        port=port,
        seed=settings.payment_seed,
        success_rate=settings.payment_success_rate,
        delay_min=settings.payment_delay_min,
        delay_max=settings.payment_delay_max,
        capture_success_rate=settings.capture_success_rate,
        refund_success_rate=settings.refund_success_rate,
        refund_delay_min=settings.refund_delay_min,
        refund_delay_max=settings.refund_delay_max,
        faults=plan,
        api_key=settings.payment_api_key,
        events=EventSender(events, settings.payment_webhook_secret),
    )
    try:
        run_simulator(options, ready=lambda url: _show(url, options.folder, as_json))
    except OSError as error:
        hint = "Use --port 0 for a free port, or --folder for another journal."
        raise CommandFailed(
            "cannot_start", f"The gateway on {host}:{port} cannot start: {error}", hint
        ) from None


def _rates(shares: list[str]) -> dict[str, str]:
    """Parses rates by kind; `all` is divided evenly among the kinds that pass."""
    rates = dict(share.partition("=")[::2] for share in shares)
    if (everything := rates.pop("all", None)) is not None:
        rates = {kind: str(_number(everything) / len(PASSING)) for kind in PASSING} | rates
    return rates


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CommandFailed("bad_fault", f"{text!r} is not a share such as 0.2.", FAULT_HINT) from None


def _plan(**values: object) -> FaultPlan:
    try:
        return FaultPlan.model_validate(values)
    except ValidationError as invalid:
        raise CommandFailed("bad_fault", invalid.errors()[0]["msg"], FAULT_HINT) from None


def _default_folder(settings: Settings) -> Path:
    return settings.home / "gateway"


def _show(url: str, folder: Path, as_json: bool) -> None:
    if as_json:
        emit({"url": url, "journal": str(folder)})
        sys.stdout.flush()
    else:
        progress.print(f"Payment gateway on {url}, journal in {folder}", highlight=False)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("gateway")(command(gateway))
