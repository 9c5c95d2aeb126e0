"""Counters and histograms of the worker processes, summed in Redis for the metrics.

`metrics:{store}` is a hash of running sums that expires 30 days after the last write. Its fields are
`["metric", ["label value", ...], "part"]`, where the part is the number of a histogram bucket, `sum` or
`count`. If Redis is emptied, the sums restart at zero, which Prometheus accepts as a counter reset.
"""

from __future__ import annotations

import json
import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import redis

from orders_pipeline.services.redis_clients import UNREACHABLE

LIFETIME_SECONDS = 30 * 86_400
SUM, COUNT = "sum", "count"
Labels = tuple[str, ...]
Counted = dict[tuple[str, Labels, str], float]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric that workers count: a histogram if it has bucket bounds, in seconds, else a counter."""

    name: str
    meaning: str
    labels: Labels = ()
    bounds: tuple[float, ...] = ()


STEP_SECONDS = Measure(
    "orders_step_seconds",
    "Duration of a step on its worker in seconds, by step and queue.",
    ("step", "queue"),
    (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
STEPS = Measure("orders_steps", "Steps that ended on a worker, by outcome.", ("step", "outcome"))
CHARGE_SECONDS = Measure(
    "orders_gateway_charge_seconds",
    "Seconds from sending a charge to its outcome, including retries.",
    (),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
CHARGES = Measure(
    "orders_gateway_charges",
    "Charges by outcome at the gateway. Charges with an unknown outcome are retried.",
    ("outcome",),
)
REFUNDS = Measure(
    "orders_gateway_refunds",
    "Refunds by outcome at the gateway. Refunds with an unknown outcome are looked up again.",
    ("outcome",),
)
CAPTURES = Measure(
    "orders_gateway_captures",
    "Captures of authorized charges by outcome at the gateway. Those with an unknown outcome are retried.",
    ("outcome",),
)
VOIDS = Measure(
    "orders_gateway_voids",
    "Voids of authorized charges by outcome at the gateway. Those with an unknown outcome are retried.",
    ("outcome",),
)
MEASURES = {
    measure.name: measure
    for measure in (STEP_SECONDS, STEPS, CHARGE_SECONDS, CHARGES, CAPTURES, VOIDS, REFUNDS)
}


@dataclass(frozen=True, slots=True)
class Series:
    """The sums of one metric for one combination of label values, by part."""

    measure: Measure
    labels: Labels
    parts: dict[str, float]

    @property
    def number(self) -> float:
        """The number of observations."""
        return self.parts.get(COUNT, 0.0) or sum(self.buckets)

    @property
    def buckets(self) -> list[float]:
        """The number of observations in each bucket of a histogram. The last bucket has no upper bound."""
        return [self.parts.get(str(index), 0.0) for index in range(len(self.measure.bounds) + 1)]


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counts of this process, to be added to the shared sums. `owner` is the id of the order store."""

    client: redis.Redis
    owner: str
    _counted: defaultdict[tuple[str, Labels, str], float] = field(default_factory=lambda: defaultdict(float))

    def observe(self, measure: Measure, labels: Labels, seconds: float) -> None:
        """Records one duration, in seconds."""
        self._counted[measure.name, labels, str(bisect_left(measure.bounds, seconds))] += 1
        self._counted[measure.name, labels, SUM] += seconds

    def count(self, measure: Measure, labels: Labels, number: int = 1) -> None:
        """Adds a number of events."""
        self._counted[measure.name, labels, COUNT] += number

    def write(self) -> None:
        """Adds the counts since the last call to the shared sums. They are lost if Redis is down."""
        self.add(self.take())

    def take(self) -> Counted:
        """Takes the counts since the last call, for `add` in another thread."""
        counted = dict(self._counted)
        self._counted.clear()
        return counted

    def add(self, counted: Counted) -> None:
        """Adds these counts to the shared sums."""
        try:
            with self.client.pipeline(transaction=True) as pipeline:
                for part, amount in counted.items():
                    pipeline.hincrbyfloat(self._key, json.dumps(part), amount)
                pipeline.expire(self._key, LIFETIME_SECONDS)
                pipeline.execute()
        except UNREACHABLE as error:
            log.warning("Redis is down; measurements are lost: %s", error)

    def read(self) -> Iterator[Series]:
        """The sums of all processes.

        Raises:
            RedisError: Redis does not answer.
        """
        found: dict[tuple[str, Labels], dict[str, float]] = {}
        for text, amount in cast(dict[str, str], self.client.hgetall(self._key)).items():
            name, labels, part = json.loads(text)
            found.setdefault((name, tuple(labels)), {})[part] = float(amount)
        for (name, labels), parts in sorted(found.items()):
            if name in MEASURES:
                yield Series(MEASURES[name], labels, parts)

    @property
    def _key(self) -> str:
        return f"metrics:{self.owner}"
