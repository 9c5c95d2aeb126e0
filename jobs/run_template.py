"""Prepares the process from which runs are forked. It imports this module first; nothing else imports it.

When a run is cancelled, SIGTERM is sent to its whole process group. This process must outlive its runs, so it
ignores the signal and exits when no process uses it any more. Garbage collection is off while modules are
loaded, and on in runs.
"""

import atexit
import gc
import os
import signal

gc.disable()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# Only this process executes exit handlers; runs end without them.
atexit.register(os._exit, 0)
