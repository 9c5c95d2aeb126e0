"""The first purchase days of customers, which only the writer of the warehouse needs."""

from __future__ import annotations

from pathlib import Path

from orders_pipeline.figures.kpis.warehouse.warehouse import only_writer, open_for_writing


def forget_first_days(folder: Path, customer: str) -> None:
    """Removes the first days of a customer who was erased; the refreshed days no longer name that id.

    Raises:
        WarehouseBusyError: another process writes for too long.
        WarehouseDamagedError: the file is damaged.
    """
    with only_writer(folder), open_for_writing(folder) as connection:
        connection.execute("DELETE FROM customer_first_days WHERE customer_id = ?", [customer])
