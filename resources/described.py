"""Resources that Dagster shows with their class and their docstring."""

import inspect
from typing import Any

from dagster import InitResourceContext, ResourceDefinition


def described_resource(value: Any) -> ResourceDefinition:
    """A resource without configuration. Its type is the name of what makes it."""

    def make(_context: InitResourceContext) -> Any:
        return value

    made = type(value)
    make.__module__, make.__name__ = made.__module__, made.__name__
    return ResourceDefinition(make, description=(inspect.getdoc(made) or "").partition("\n\n")[0])
