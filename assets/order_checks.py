"""The invariants of the order store as asset checks of `order_store`, all computed in one step."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    ResourceParam,
    multi_asset_check,
)

from assets.order_store import ORDER_STORE
from jobs.failures import permanent_failures
from jobs.workers.work import FILE_WORK
from orders_pipeline.verify.everything import verify_orders
from orders_pipeline.verify.store_checks import store_checks
from resources.order_store import OrderStore
from resources.payment_gateway import PaymentGateways


def order_checks() -> list[AssetChecksDefinition]:
    """Returns all checks of this module."""
    specs = [
        AssetCheckSpec(name, asset=ORDER_STORE, description=statement)
        for name, statement in store_checks().items()
    ]

    @multi_asset_check(specs=specs, op_tags=FILE_WORK)
    def orders_are_consistent(
        order_store: ResourceParam[OrderStore], payment_gateway: ResourceParam[PaymentGateways]
    ) -> Iterator[AssetCheckResult]:
        """Recomputes every invariant of the order store from its rows."""
        with permanent_failures(), order_store.open() as engine, payment_gateway.open(engine) as gateway:
            checks = verify_orders(engine, gateway)
        for check in checks:
            yield AssetCheckResult(
                passed=check.ok,
                asset_key=ORDER_STORE,
                check_name=check.name,
                severity=AssetCheckSeverity.ERROR,
                description=check.detail,
            )

    return [orders_are_consistent]
