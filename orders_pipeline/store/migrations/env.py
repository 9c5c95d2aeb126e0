"""Alembic's entry: runs inside the transaction that `orders_pipeline.store.migrate` opened."""

from __future__ import annotations

from alembic import context

from orders_pipeline.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite"
)
context.run_migrations()
