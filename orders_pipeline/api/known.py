"""Makes sure that the orders and the file that a request names are known."""

from __future__ import annotations

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.failed_work.chosen import Chosen, UnknownOrderError, require_known
from orders_pipeline.imports.import_row import UnknownPartitionError


def require_known_choice(context: ApiContext, chosen: Chosen) -> None:
    """Refuses a selection that names an unknown order or file with 404."""
    try:
        require_known(context.engine, chosen)
    except UnknownPartitionError:
        raise Refused(404, "There is no such order file.") from None
    except UnknownOrderError as error:
        raise Refused(404, str(error)) from None
