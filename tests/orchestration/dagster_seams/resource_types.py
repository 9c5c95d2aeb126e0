"""The class that Dagster's pages show for a resource."""

from dagster import ResourceDefinition
from dagster._config.pythonic_config.resource import get_resource_type_name


def shown_type(resource: ResourceDefinition) -> str:
    """Module and name of the class."""
    return get_resource_type_name(resource)
