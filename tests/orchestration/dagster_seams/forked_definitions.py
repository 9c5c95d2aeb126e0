"""A job whose op writes down in which process it runs, and waits if told so."""

import json
import os
import time
from pathlib import Path

from dagster import Config, Definitions, job, op

LOADED_BY = os.getpid()


class Answer(Config):
    """What the op writes to, and for how long it then waits."""

    file: str
    seconds: float = 0.0


@op
def answer(config: Answer) -> None:
    """Writes the numbers of this process, of its parent, and of the one that loaded this module."""
    told = {"process": os.getpid(), "parent": os.getppid(), "loaded_by": LOADED_BY}
    written = Path(f"{config.file}.part")
    written.write_text(json.dumps(told))
    written.rename(config.file)
    time.sleep(config.seconds)


@job
def tell() -> None:
    """Runs the op in the process of the run."""
    answer()


defs = Definitions(jobs=[tell])
