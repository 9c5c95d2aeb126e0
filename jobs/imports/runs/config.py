"""Run config of a launch: how to read the order file. If empty, the file is read as it was staged."""

from collections.abc import Mapping
from typing import Any

from dagster import Field

from orders_pipeline.order_files.option import Option
from orders_pipeline.order_files.reading_instructions import (
    ReadingInstructions,
    all_options,
    instructions_from,
)


def launch_config() -> dict[str, Field]:
    """Returns the configuration of `parse_order_file`, by option."""
    return {one.name: _field(one) for one in all_options() if one.at_launch}


def launch_instructions(config: Mapping[str, Any]) -> ReadingInstructions:
    """Returns the instructions in the run config; a blank field or 0 means not set."""
    return instructions_from({name: value or None for name, value in config.items()})


def _field(one: Option) -> Field:
    nothing: Any = 0 if one.is_number else ""
    return Field(type(nothing), default_value=nothing, is_required=False, description=one.about)
