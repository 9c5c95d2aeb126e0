"""The launcher's heartbeat. While it is recent, sensors do not launch imports."""

import time
from contextlib import suppress
from pathlib import Path

from orders_pipeline.base.settings import Settings

LATE_AFTER_SECONDS = 30.0


def note_round(settings: Settings) -> None:
    """Records that the launcher has completed a round."""
    with suppress(FileNotFoundError):
        _sign(settings).touch()


def is_launching(settings: Settings) -> bool:
    """Whether the launcher of this home is working. If it hangs or has stopped, sensors launch imports."""
    try:
        since = time.time() - _sign(settings).stat().st_mtime
    except OSError:
        return False
    # After the clock is set back, the launcher seems to be late, which does no harm.
    return 0 <= since < LATE_AFTER_SECONDS


def _sign(settings: Settings) -> Path:
    return settings.home / "run" / "launcher.sign"
