"""The launcher's sign of life, by which sensors know that it launches imports and they need not."""

import time
from contextlib import suppress
from pathlib import Path

from orders_pipeline.base.settings import Settings

LATE_AFTER_SECONDS = 30.0


def note_round(settings: Settings) -> None:
    """Notes that the launcher has launched what needs a run."""
    with suppress(FileNotFoundError):
        _sign(settings).touch()


def is_launching(settings: Settings) -> bool:
    """Whether the launcher of this home works. If it hangs or is gone, sensors launch imports."""
    try:
        since = time.time() - _sign(settings).stat().st_mtime
    except OSError:
        return False
    # A clock that was set back makes it look late, which does no harm.
    return 0 <= since < LATE_AFTER_SECONDS


def _sign(settings: Settings) -> Path:
    return settings.home / "run" / "launcher.sign"
