"""Connects to the payment gateway from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import Column, Connection, Engine, func, select, update

from orders_pipeline.base.model import PaymentMethod
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.payments.backends.http.gateway import HttpGateway
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.payments.lanes import Observe, unobserved
from orders_pipeline.store.engine import reading
from orders_pipeline.store.identity import provider_tag
from orders_pipeline.store.schema import home, payments

if TYPE_CHECKING:
    from orders_pipeline.payments.backends.mollie.requests import MollieAccount
    from orders_pipeline.payments.backends.stripe.requests import StripeAccount

NOT_INSTALLED = (
    "The client of {provider} is not installed. Install it with `pip install {package}` in the environment "
    "of the pipeline, on each machine"
)
ELSEWHERE = "or use another ORDERS_HOME or database"
OTHER_SEED = f"ORDERS_PAYMENT_SEED differs from the seed of the payments in this store. Unset it, {ELSEWHERE}"
WAS_SIMULATED = (
    "ORDERS_PAYMENT_URL is set, but the payments in this store were simulated. A real gateway would charge "
    f"open payments again. Unset it, {ELSEWHERE}"
)
OTHER_ACCOUNT = (
    "The payments in this store were made at another gateway or account ({tied}) than the one of the key of "
    "{provider} ({wanted}). It would charge open payments again. Use the former key, " + ELSEWHERE
)
WAS_PROVIDER = (
    "Neither {setting} nor {setting}_FILE is set, but the payments in this store were made at {provider}, "
    "which may still have open payments. Set the key, " + ELSEWHERE
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
    MOLLIE = "mollie"


class ProviderAccount(Protocol):
    """An account of a provider, as its key opens it."""

    def __hash__(self) -> int: ...

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        ...

    @property
    def is_restricted(self) -> bool:
        """Whether the key has only the permissions that are needed, if the provider has such keys."""
        ...

    def check(self) -> None:
        """Checks the connection and the key; raises GatewayUnavailableError or GatewayRefusedError."""
        ...

    def id(self) -> str:
        """Returns the id of the account; empty if the key may not read it."""
        ...


class Provider(NamedTuple):
    """A gateway with its own client library; `name` is what people call it."""

    name: str
    account: Callable[[Settings], ProviderAccount]
    gateway: Callable[[Settings, Engine, Observe], PaymentGateway]


def gateway_kind(settings: Settings) -> GatewayKind:
    """Returns the kind of gateway that the settings name, and the simulated one if they name none."""
    if settings.uses_stripe:
        return GatewayKind.STRIPE
    if settings.uses_mollie:
        return GatewayKind.MOLLIE
    return GatewayKind.HTTP if settings.payment_url else GatewayKind.SIMULATED


def connect_gateway(settings: Settings, engine: Engine, observe: Observe = unobserved) -> PaymentGateway:
    """Returns the gateway of an order store.

    Args:
        observe: receives the seconds of each charge; a simulation without a delay does not call it.

    Raises:
        SettingsError: the store has payments from another kind of gateway, from another account, or with
            another seed.
    """
    kind = gateway_kind(settings)
    if kind in PROVIDERS:
        return PROVIDERS[kind].gateway(settings, engine, observe)
    _refuse_after_provider(engine)
    if kind is GatewayKind.HTTP:
        _tie(engine, home.c.gateway, GatewayKind.HTTP, WAS_SIMULATED)
        return http_gateway(settings, observe)
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
        raise SettingsError(NOT_INSTALLED.format(provider="Stripe", package="stripe")) from None
    return StripeAccount(settings.stripe_secret(), settings.stripe_url, settings.payment_timeout)


def mollie_account(settings: Settings) -> MollieAccount:
    """Returns how the profile of Mollie is reached.

    Raises:
        SettingsError: the extra `mollie` is not installed, or the file with the key cannot be read.
    """
    try:
        from orders_pipeline.payments.backends.mollie.requests import MollieAccount  # noqa: PLC0415 optional
    except ImportError:
        raise SettingsError(NOT_INSTALLED.format(provider="Mollie", package="mollie-api-py")) from None
    return MollieAccount(settings.mollie_secret(), settings.mollie_url, settings.payment_timeout)


def provider_account(settings: Settings) -> tuple[str, ProviderAccount] | None:
    """Returns the provider that the settings name, and the account of its key; None if they name none."""
    provider = PROVIDERS.get(gateway_kind(settings))
    return (provider.name, provider.account(settings)) if provider else None


def _stripe_gateway_of(settings: Settings, engine: Engine, observe: Observe) -> PaymentGateway:
    account = stripe_account(settings)
    from orders_pipeline.payments.backends.stripe.gateway import StripeGateway  # noqa: PLC0415 optional

    _tie_account(engine, GatewayKind.STRIPE, account)
    return StripeGateway(
        account=account,
        store=provider_tag(engine),
        since=_first_request(engine),
        statement_suffix=settings.stripe_statement_suffix,
        connections=settings.payment_connections,
        observe=observe,
    )


def _mollie_gateway_of(settings: Settings, engine: Engine, observe: Observe) -> PaymentGateway:
    account = mollie_account(settings)
    from orders_pipeline.payments.backends.mollie.gateway import MollieGateway  # noqa: PLC0415 optional

    _tie_account(engine, GatewayKind.MOLLIE, account)
    return MollieGateway(
        account=account,
        store=provider_tag(engine),
        since=_first_request(engine),
        connections=settings.payment_connections,
        observe=observe,
    )


PROVIDERS: Mapping[GatewayKind, Provider] = {
    GatewayKind.STRIPE: Provider("Stripe", stripe_account, _stripe_gateway_of),
    GatewayKind.MOLLIE: Provider("Mollie", mollie_account, _mollie_gateway_of),
}


def _first_request(engine: Engine) -> int:
    """Seconds since 1970 from which on the store may have payments; 0 if it has none."""
    with reading(engine) as connection:
        first = connection.execute(select(func.min(payments.c.requested_at))).scalar()
    return first // 1_000_000 if first else 0


def _tie_account(engine: Engine, kind: GatewayKind, account: ProviderAccount) -> None:
    """Ties the store to an account and its mode: `stripe:test:acct_1`, without an id if it cannot be read."""
    mode = "live" if account.is_live else "test"
    wanted = ":".join((kind, mode, _account_id(account)))
    tied = _tied_gateway(engine)
    refused = OTHER_ACCOUNT.format(provider=PROVIDERS[kind].name, tied=tied, wanted=wanted)
    is_id_unknown = tied.endswith(":") or wanted.endswith(":")
    if is_id_unknown and tied.startswith(f"{kind}:{mode}:"):
        wanted = max(tied, wanted, key=len)
    _tie(engine, home.c.gateway, wanted, refused)


def _refuse_after_provider(engine: Engine) -> None:
    kind = _tied_gateway(engine).partition(":")[0]
    if kind not in PROVIDERS:
        return
    provider = PROVIDERS[GatewayKind(kind)].name
    with reading(engine) as connection:
        if _has_payments(connection):
            setting = f"ORDERS_{provider.upper()}_KEY"
            raise SettingsError(WAS_PROVIDER.format(setting=setting, provider=provider))


def _tied_gateway(engine: Engine) -> str:
    with reading(engine) as connection:
        return str(connection.execute(select(home.c.gateway)).scalar_one())


@lru_cache
def _account_id(account: ProviderAccount) -> str:
    return account.id()


def _tie(engine: Engine, column: Column[str], wanted: str, refusal: str) -> str:
    """Saves `wanted` in the store's `home` row and returns the value in force.

    An empty `wanted` keeps the saved value. The value cannot change once a gateway has made a payment.

    Raises:
        SettingsError: the store has payments and another value; the message is `refusal`.
    """
    with reading(engine) as connection:
        tied: str = connection.execute(select(column)).scalar_one()
    if wanted in ("", tied):
        return tied
    with engine.begin() as connection:
        tied = connection.execute(select(column).with_for_update()).scalar_one()
        if tied != wanted and _has_payments(connection):
            raise SettingsError(refusal)
        connection.execute(update(home).values({column.name: wanted}))
    return wanted


def _has_payments(connection: Connection) -> bool:
    """Whether a gateway has, or may have, made a payment of the store. Those made elsewhere do not count."""
    made = select(payments.c.order_id).where(payments.c.method == PaymentMethod.GATEWAY)
    return connection.execute(made.limit(1)).first() is not None
