"""Order numbers that are used more than once: by several customers, or on several days."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.reject_codes import RejectCode


def marked_reused(lines: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Marks the valid lines of orders that have several customers or days; a blank customer is ignored.

    `lines` are sorted by `run`. A number joined from several columns is not checked, because the profile then
    defines which lines form an order.
    """
    if OrderField.ORDER_NUMBER in profile.joined:
        return lines
    good = lines.filter(pl.col("code").is_null()) if lines["code"].null_count() < lines.height else lines
    differs = (good["day"] != good["day"].shift(1)) | good["customer_id"].ne_missing(
        good["customer_id"].shift(1)
    )
    suspects = good.filter((good["run"] == good["run"].shift(1)) & differs)["run"].unique()
    if not suspects.len():
        return lines
    runs = good.filter(pl.col("run").is_in(suspects.implode())).group_by("run")
    several = (pl.col("customer_id").drop_nulls().n_unique() > 1) | (pl.col("day").n_unique() > 1)
    reused = runs.agg(reused=several).filter("reused")["run"]
    wrong = pl.col("code").is_null() & pl.col("run").is_in(reused.implode())
    code = pl.when(wrong).then(pl.lit(RejectCode.ORDER_NUMBER_REUSED.value)).otherwise("code")
    return lines.with_columns(code=code)
