"""Connects to the payment gateway from the settings."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import Column, Engine, func, select, update

from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.payments.backends.http.gateway import HttpGateway
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.payments.lanes import Observe, unobserved
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import store_id
from orders_pipeline.store.schema import home, payments

if TYPE_CHECKING:
    from orders_pipeline.payments.backends.stripe.requests import StripeAccount

ELSEWHERE = "or use another ORDERS_HOME or database"
OTHER_SEED = f"ORDERS_PAYMENT_SEED differs from the seed of the payments in this store. Unset it, {ELSEWHERE}"
WAS_SIMULATED = (
    "ORDERS_PAYMENT_URL is set, but the payments in this store were simulated. A real gateway would charge "
    f"open payments again. Unset it, {ELSEWHERE}"
)
OTHER_ACCOUNT = (
    "The payments in this store were made at another gateway or account ({tied}) than the one of the key of "
    "Stripe ({wanted}). It would charge open payments again. Use the former key, " + ELSEWHERE
)
WAS_STRIPE = (
    "Neither ORDERS_STRIPE_KEY nor ORDERS_STRIPE_KEY_FILE is set, but the payments in this store were made "
    f"at Stripe, which may still have open payments. Set the key, {ELSEWHERE}"
)
WAS_HTTP = (
    "ORDERS_PAYMENT_URL is not set, but the payments in this store were made at a gateway over HTTP, which "
    f"may still have open payments. Set it, {ELSEWHERE}"
)


class GatewayKind(StrEnum):
    """The kind of gateway that makes the charges of a store."""

    SIMULATED = "simulated"
    HTTP = "http"
    STRIPE = "stripe"


def connect_gateway(settings: Settings, engine: Engine, observe: Observe = unobserved) -> PaymentGateway:
    """Returns Stripe, the gateway at `ORDERS_PAYMENT_URL`, or the simulated gateway of an order store.

    Args:
        observe: receives the seconds of each charge; a simulation without a delay does not call it.

    Raises:
        SettingsError: the store has payments from another kind of gateway, from another account, or with
            another seed.
    """
    if settings.uses_stripe:
        return _stripe_gateway_of(settings, engine, observe)
    if settings.payment_url:
        _refuse_after_stripe(engine)
        _tie(engine, home.c.gateway, GatewayKind.HTTP, WAS_SIMULATED)
        return http_gateway(settings, observe)
    _refuse_after_stripe(engine)
    _tie(engine, home.c.gateway, GatewayKind.SIMULATED, WAS_HTTP)
    return SimulatedGateway(
        seed=_tie(engine, home.c.payment_seed, settings.payment_seed, OTHER_SEED),
        success_rate=settings.payment_success_rate,
        delay_min=settings.payment_delay_min,
        delay_max=settings.payment_delay_max,
        max_in_flight=settings.payment_max_in_flight,
        observe=observe,
        capture_success_rate=settings.capture_success_rate,
        refund_success_rate=settings.refund_success_rate,
        refund_delay_min=settings.refund_delay_min,
        refund_delay_max=settings.refund_delay_max,
    )


def http_gateway(settings: Settings, observe: Observe = unobserved) -> HttpGateway:
    """Returns the gateway at `ORDERS_PAYMENT_URL`, without an order store."""
    return HttpGateway(
        url=settings.payment_url,
        api_key=settings.payment_api_key,
        timeout=settings.payment_timeout,
        known_within=settings.payment_known_within,
        connections=settings.payment_connections,
        max_in_flight=settings.payment_max_in_flight,
        observe=observe,
    )


def stripe_account(settings: Settings) -> StripeAccount:
    """Returns how the account of Stripe is reached.

    Raises:
        SettingsError: the extra `stripe` is not installed, or the file with the key cannot be read.
    """
    try:
        from orders_pipeline.payments.backends.stripe.requests import StripeAccount  # noqa: PLC0415 optional
    except ImportError:
        raise SettingsError(
            "Stripe's client is not installed. Install it with `pip install stripe` in the environment of "
            "the pipeline, on each machine"
        ) from None
    return StripeAccount(_stripe_key(settings), settings.stripe_url, settings.payment_timeout)


def _stripe_key(settings: Settings) -> str:
    if settings.stripe_key_file is None:
        return settings.stripe_key
    try:
        key = settings.stripe_key_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ORDERS_STRIPE_KEY_FILE cannot be read: {type(error).__name__}") from None
    if not key.startswith(("sk_", "rk_")):
        raise SettingsError("ORDERS_STRIPE_KEY_FILE holds no secret or restricted key of Stripe")
    return key


def _stripe_gateway_of(settings: Settings, engine: Engine, observe: Observe) -> PaymentGateway:
    from orders_pipeline.payments.backends.stripe.gateway import StripeGateway  # noqa: PLC0415 optional

    account = stripe_account(settings)
    _tie_account(engine, account)
    with reading(engine) as connection:
        first = connection.execute(select(func.min(payments.c.requested_at))).scalar()
    return StripeGateway(
        account=account,
        store=store_id(engine),
        since=first // 1_000_000 if first else 0,
        statement_suffix=settings.stripe_statement_suffix,
        connections=settings.payment_connections,
        observe=observe,
    )


def _tie_account(engine: Engine, account: StripeAccount) -> None:
    """Ties the store to an account and its mode: `stripe:test:acct_1`, without an id if it cannot be read."""
    mode = "live" if account.is_live else "test"
    wanted = ":".join((GatewayKind.STRIPE, mode, _account_id(account)))
    with reading(engine) as connection:
        tied: str = connection.execute(select(home.c.gateway)).scalar_one()
    kind, _, _ = tied.partition(":")
    if kind == GatewayKind.STRIPE and (tied.endswith(":") or wanted.endswith(":")):
        if tied.split(":")[1] != mode:
            raise SettingsError(OTHER_ACCOUNT.format(tied=tied, wanted=wanted))
        wanted = max(tied, wanted, key=len)
    _tie(engine, home.c.gateway, wanted, OTHER_ACCOUNT.format(tied=tied, wanted=wanted))


def _refuse_after_stripe(engine: Engine) -> None:
    with reading(engine) as connection:
        tied: str = connection.execute(select(home.c.gateway)).scalar_one()
        if not tied.startswith(f"{GatewayKind.STRIPE}:"):
            return
        if connection.execute(select(payments.c.order_id).limit(1)).first():
            raise SettingsError(WAS_STRIPE)


@lru_cache
def _account_id(account: StripeAccount) -> str:
    return account.id()


def _tie(engine: Engine, column: Column[str], wanted: str, refusal: str) -> str:
    """Saves `wanted` in the store's `home` row and returns the value in force.

    An empty `wanted` keeps the saved value. The value cannot change once the store has a payment.

    Raises:
        SettingsError: the store has payments and another value; the message is `refusal`.
    """
    with reading(engine) as connection:
        tied: str = connection.execute(select(column)).scalar_one()
    if wanted in ("", tied):
        return tied
    with engine.begin() as connection:
        tied = connection.execute(select(column).with_for_update()).scalar_one()
        if tied != wanted and connection.execute(select(payments.c.order_id).limit(1)).first():
            raise SettingsError(refusal)
        connection.execute(update(home).values({column.name: wanted}))
    return wanted
