"""The Dagster instance that all ticks of sensors in a code server share.

For: an idle stack. Dagster makes an instance for each tick: it parses dagster.yaml, opens the storages, and
compares their revisions. This is nearly half of what a tick costs the code server.
Without it: everything works, but the code server takes more processor time.
Instead: no public method. Not needed once the code server keeps an instance of its own.
"""

from threading import Lock

from dagster import DagsterInstance, SensorEvaluationContext
from dagster._core.instance.ref import InstanceRef
from dagster._grpc import impl


class KeptInstance:
    """The instance of the newest reference, for as long as the process lives."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[InstanceRef, DagsterInstance] | None = None

    def of(self, ref: InstanceRef) -> DagsterInstance:
        """The instance of a reference. Another reference means another dagster.yaml."""
        with self._lock:
            if self._kept is None or self._kept[0] != ref:
                self._kept = ref, DagsterInstance.from_ref(ref)
            return self._kept[1]


class SharedContext(SensorEvaluationContext):
    """The context of a tick, with an instance that outlives it."""

    kept = KeptInstance()

    @property
    def instance(self) -> DagsterInstance:
        """The instance that this process keeps, or the one that a test gave."""
        if self._instance is None and self._instance_ref is not None:
            self._instance = self.kept.of(self._instance_ref)
        return super().instance


def share_instance() -> None:
    """Lets the ticks of sensors in this process share an instance."""
    vars(impl)["SensorEvaluationContext"] = SharedContext
