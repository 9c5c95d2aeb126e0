"""Leaderboards at the store: top ten and any rank among a million customers.

`python -m benchmarks.boards MEMBERS` fills a board of the home's Redis and prints milliseconds as JSON;
without a number it rebuilds the home's own boards.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable

from cli.figures import open_figures_of
from cli.stack.stack import running_workers
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.redis_board import RedisBoard

ASKED = 500
PERCENTILE_99 = 98


def _milliseconds(ask: Callable[[], object]) -> dict[str, float]:
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return {"median": statistics.median(took), "p99": statistics.quantiles(took, n=100)[PERCENTILE_99]}


def main() -> None:
    """Fills a board and asks it, or rebuilds the home's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("members", type=int, nargs="?")
    members = parser.parse_args().members
    settings = load_settings()
    with running_workers(settings), open_figures_of(settings) as figures:
        if members:
            live = figures.boards.live(Board.CUSTOMERS, settings.currency)
            figures.boards.rebuild(Board.CUSTOMERS, settings.currency)
            sys.stdout.write(json.dumps(_ask(live, members)) + "\n")
        else:
            for board in Board:
                figures.boards.rebuild_all(board)


def _ask(live: RedisBoard, members: int) -> dict[str, dict[str, float]]:
    draw = random.Random(1)  # noqa: S311 not for secrets
    live.publish((f"C{number:07}", draw.randrange(10**6)) for number in range(members))
    return {
        "top": _milliseconds(lambda: live.places(1, 10)),
        "rank": _milliseconds(lambda: live.place(f"C{draw.randrange(members):07}")),
    }


if __name__ == "__main__":
    main()
