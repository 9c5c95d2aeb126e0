"""The ticks of sensors: when each was last evaluated, and why it failed.

For: the alert about a sensor that fails, hangs, or is no longer evaluated.
Without it: only Dagster's own pages show that nothing is imported or published any more.
Instead: no public method; `DagsterInstance.get_ticks` and `all_instigator_state` are not documented.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dagster import DagsterInstance
from dagster._core.scheduler.instigation import InstigatorState, InstigatorType, TickStatus

GOOD = [TickStatus.SUCCESS, TickStatus.SKIPPED]


@dataclass(frozen=True, slots=True)
class SensorTicks:
    """The newest ticks of a sensor that is switched on.

    Attributes:
        good_at: time of the start or end of the newest tick that succeeded or skipped, in seconds since 1970;
            0 if there is none.
        error: the error of a later failed tick: its class, and its message if the class is one of this
            project.
    """

    sensor: str
    good_at: float
    error: str | None


def sensor_ticks(instance: DagsterInstance, names: Collection[str]) -> Iterator[SensorTicks]:
    """Yields the newest ticks of the sensors with these names.

    Sensors that are switched off are left out.
    """
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    newest: dict[str, SensorTicks] = {}
    for state in states:
        if state.instigator_name in names and state.is_running:
            ticks = _ticks(instance, state)
            # After the code location is renamed, an older state of the same sensor remains.
            if ticks.sensor not in newest or ticks.good_at > newest[ticks.sensor].good_at:
                newest[ticks.sensor] = ticks
    yield from newest.values()


def _ticks(instance: DagsterInstance, state: InstigatorState) -> SensorTicks:
    of_sensor = state.instigator_origin_id, state.selector_id
    if good_at := getattr(state.instigator_data, "last_tick_success_timestamp", None):
        # Unless a later tick failed or is running, the state contains the last good tick, which saves a
        # query.
        return SensorTicks(state.instigator_name, good_at, None)
    newest = instance.get_ticks(*of_sensor, limit=1)
    if newest and newest[0].status in GOOD:
        return SensorTicks(state.instigator_name, newest[0].timestamp, None)
    good = instance.get_ticks(*of_sensor, limit=1, statuses=GOOD)
    good_at = good[0].timestamp if good else 0.0
    failed = instance.get_ticks(*of_sensor, limit=1, statuses=[TickStatus.FAILURE], after=good_at or None)
    return SensorTicks(state.instigator_name, good_at, _first_cause(failed[0].error) if failed else None)


def _first_cause(error: object) -> str | None:
    while cause := getattr(error, "cause", None):
        error = cause
    message = str(getattr(error, "message", "")).strip().partition("\n")[0]
    name, _, text = message.partition(": ")
    ours = name.startswith(("orders_pipeline.", "jobs."))
    # Messages of other libraries may contain customer data.
    return text if ours and text else name.rpartition(".")[2] or None
