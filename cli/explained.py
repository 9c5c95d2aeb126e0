"""Explains exceptions to the user of a command. Loaded only when a command fails."""

from __future__ import annotations

import errno
import sys

from cli.failure import CommandFailed
from cli.refused_connections import refused_connection
from orders_pipeline.backup.errors import BackupError
from orders_pipeline.base.documents import NewerDocumentError
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import SettingsError
from orders_pipeline.base.telemetry.stack_trace import message_of, stack_trace
from orders_pipeline.base.text.printable import printable
from orders_pipeline.failed_work.chosen import UnknownOrderError
from orders_pipeline.figures.kpis.publisher import FiguresElsewhere
from orders_pipeline.figures.kpis.warehouse.published_parts import PartsLost
from orders_pipeline.imports.arrival.intake import IntakePausedError
from orders_pipeline.imports.import_row import UnknownPartitionError
from orders_pipeline.payments.gateway import GatewayUnavailableError
from orders_pipeline.refunds.requests.asked import RefundRefused, UnknownRefundError
from orders_pipeline.services.redis_server import RedisServerMissing
from orders_pipeline.staging.keys import BadPartitionKey
from orders_pipeline.staging.remote_area import StagingUnavailable
from orders_pipeline.store.revisions import StoreRefused

FREE_SPACE = "Free space on its disk, which is usually that of ORDERS_HOME. What is stored is kept."
PERMISSIONS = "Check the owner and the permissions of the file and of its folders."
# Codes and hints for errors of files, by the number of the error.
UNUSABLE = {
    errno.ENOSPC: ("disk_full", FREE_SPACE),
    errno.EDQUOT: ("disk_full", FREE_SPACE),
    errno.EROFS: (
        "disk_read_only",
        "Its disk is mounted read-only. Mount it for writing, or set ORDERS_HOME.",
    ),
    errno.EACCES: ("not_permitted", PERMISSIONS),
    errno.EPERM: ("not_permitted", PERMISSIONS),
    errno.ENAMETOOLONG: ("name_too_long", "Use a shorter name or folder."),
}


def explain(error: Exception) -> CommandFailed:
    """Converts an exception to a message for the user.

    An unexpected exception becomes `internal_error`, and its stack trace is printed to stderr.
    """
    match error:
        case CommandFailed():
            failed = error
        case FileRefused() | BackupError() | NewerDocumentError() | StoreRefused() | RefundRefused():
            failed = CommandFailed(error.code, error.message, error.hint)
        case SettingsError():
            failed = CommandFailed(
                "bad_setting", str(error), ".env.example lists every setting with its default."
            )
        case UnknownPartitionError() | BadPartitionKey():
            failed = CommandFailed("unknown_partition", str(error), "`orders files` lists the known keys.")
        case UnknownRefundError():
            failed = CommandFailed("unknown_refund", str(error), "`orders refunds list` shows them.")
        case UnknownOrderError():
            hint = "Check whether it was rejected: `orders files`, then `orders rejects KEY`."
            failed = CommandFailed("unknown_order", str(error), hint)
        case IntakePausedError():
            failed = CommandFailed(
                "intake_paused",
                f"{error}.",
                "Run `orders resume` to accept new files, or import with --wait.",
            )
        case RedisServerMissing():
            failed = CommandFailed("redis_missing", str(error))
        case FiguresElsewhere() | PartsLost():
            failed = _no_figures(error)
        case StagingUnavailable():
            hint = "Check ORDERS_STAGING_URL, or without it the disk of ORDERS_HOME."
            failed = CommandFailed("staging_unavailable", str(error), hint)
        case GatewayUnavailableError():
            failed = CommandFailed("gateway_unavailable", str(error), "Check ORDERS_PAYMENT_URL.")
        case _:
            failed = _of_services_and_files(error)
    return failed


def _of_services_and_files(error: Exception) -> CommandFailed:
    if refused := refused_connection(error):
        return CommandFailed(*refused)
    if isinstance(error, OSError) and error.errno in UNUSABLE:
        return _unusable_file(error)
    return _unexpected(error)


def _unusable_file(error: OSError) -> CommandFailed:
    code, hint = UNUSABLE[error.errno or 0]
    file = f"{error.filename} cannot be used" if error.filename else "A file cannot be written"
    return CommandFailed(code, f"{file}: {error.strerror}", hint)


def _unexpected(error: Exception) -> CommandFailed:
    sys.stderr.write(printable(stack_trace(error)))
    message = f"{type(error).__name__}: {message_of(error)}"
    return CommandFailed("internal_error", message, "The stack trace is on stderr.")


def _no_figures(error: FiguresElsewhere | PartsLost) -> CommandFailed:
    if isinstance(error, PartsLost):
        return CommandFailed("figures_lost", str(error))
    hint = "Ask there, or at its API. `orders kpis take-over` makes this home the publisher."
    return CommandFailed("figures_elsewhere", str(error), hint)
