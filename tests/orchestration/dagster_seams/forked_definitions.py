"""A job whose op records in which process it runs, and waits if configured to."""

import json
import os
import time
from pathlib import Path

from dagster import Config, Definitions, job, op

LOADED_BY = os.getpid()


class Answer(Config):
    """Where the op writes, and for how long it then waits."""

    file: str
    seconds: float = 0.0


@op
def answer(config: Answer) -> None:
    """Writes the ids of this process, its parent, and the process that loaded this module."""
    facts = {"process": os.getpid(), "parent": os.getppid(), "loaded_by": LOADED_BY}
    written = Path(f"{config.file}.part")
    written.write_text(json.dumps(facts))
    written.rename(config.file)
    time.sleep(config.seconds)


@job
def tell() -> None:
    """Runs the op in the process of the run."""
    answer()


defs = Definitions(jobs=[tell])
