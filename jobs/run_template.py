"""Prepares the process that runs are forked from, which imports this module first. Nothing else imports it.

A run that is to end gets SIGTERM together with its process group. The process that it was forked from has to
outlive it: it ends when no process uses it any more, and then at once. It searches for no garbage while it
loads; runs do.
"""

import atexit
import gc
import os
import signal

gc.disable()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
# Runs do not get here: they end without exit handlers.
atexit.register(os._exit, 0)
