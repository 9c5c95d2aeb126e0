"""The days of customers' first purchases. Only the writer of the warehouse uses them."""

from __future__ import annotations

from pathlib import Path

from orders_pipeline.figures.kpis.warehouse.warehouse import only_writer, open_for_writing


def forget_first_days(folder: Path, customer: str) -> None:
    """Removes the first days of a customer who was erased; the refreshed days no longer contain the id.

    Raises:
        WarehouseBusyError: another process held the writer lock for too long.
        WarehouseDamagedError: the file is damaged.
    """
    with only_writer(folder), open_for_writing(folder) as connection:
        connection.execute("DELETE FROM customer_first_days WHERE customer_id = ?", [customer])
