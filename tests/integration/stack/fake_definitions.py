"""A code location that loads at once, in place of the real one. Its runs write the same log."""

import dagster as dg

from jobs.run_log import use_run_log
from orders_pipeline.base.settings import load_settings


@dg.asset
def greeting() -> str:
    return "hello"


@dg.job
def say_nothing() -> None: ...


use_run_log(load_settings())
defs = dg.Definitions(assets=[greeting], jobs=[say_nothing])
