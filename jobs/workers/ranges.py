"""Fan-out over ranges of ids. Steps pass no data: the mapping key of a step is its range."""

from collections.abc import Iterable, Iterator

from dagster import DynamicOutput, OpExecutionContext

from orders_pipeline.base.model import Window


def range_outputs(windows: Iterable[Window]) -> Iterator[DynamicOutput[None]]:
    """Yields an output for each range, with the range as its mapping key."""
    for window in windows:
        yield DynamicOutput(None, mapping_key=f"{window.first}_{window.last}")


def range_of(context: OpExecutionContext) -> Window:
    """Returns the range of this step of the fan-out."""
    first, last = str(context.get_mapping_key()).split("_")
    return Window(int(first), int(last))
