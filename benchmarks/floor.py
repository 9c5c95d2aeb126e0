"""The floor: all steps of an import, set-based, by one plain process without Dagster or Celery.

Prints one JSON document: seconds from the start of staging to the last order settled, and seconds by step.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orders_pipeline.base.settings import load_settings
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.staging.staging import open_staging
from resources.order_store import OrderStore

Result = TypeVar("Result")


def settle(file: Path) -> dict[str, float]:
    """Imports a file in this process; seconds by step."""
    settings = load_settings()
    spent: Counter[str] = Counter()

    def timed(step: str, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        result = work()
        spent[step] += time.perf_counter() - began
        return result

    staging = open_staging(settings)
    with OrderStore(settings.store_url).open() as engine:
        steps = FileImport(engine, staging, settings)
        gateway = connect_gateway(settings, engine)
        key = timed("stage", lambda: stage_file(engine, staging, file)).key
        for number in timed("parse", lambda: steps.parse(key, "floor")):
            timed("load", lambda: steps.load(key, number))  # noqa: B023 called at once
            timed("reserve", lambda: steps.reserve(key, number))  # noqa: B023
            timed("charge", lambda: steps.charge(key, number, gateway))  # noqa: B023
            timed("finalize", lambda: steps.finalize(key, number))  # noqa: B023
            timed("roll back", lambda: steps.roll_back(key, number))  # noqa: B023
        timed("finish", lambda: steps.finish(key))
    return dict(spent)


def main() -> None:
    """Imports the file named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    spent = settle(parser.parse_args().file)
    sys.stdout.write(json.dumps({"seconds": sum(spent.values()), "steps": spent}, indent=2) + "\n")


if __name__ == "__main__":
    main()
