"""The faults by name, which of them apply to a back end, and the alerts that they must raise."""

from __future__ import annotations

import random
from collections.abc import Callable

from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from tests.chaos import data_faults, process_faults, service_faults
from tests.chaos.home import ChaosHome

# Whether the fault found something to harm.
Fault = Callable[[ChaosHome, random.Random], bool]
COMMAND_KILLED, HOSTILE, SHARED_RUN_KILLED = "command killed", "hostile files dropped", "shared run killed"
# They come before the others of a round, while their target is at work.
EARLY = (COMMAND_KILLED, HOSTILE, SHARED_RUN_KILLED)

FAULTS: dict[str, Fault] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        process_faults.worker_child_killed,
        process_faults.worker_killed,
        process_faults.worker_stopped_and_woken,
        process_faults.run_process_killed,
        process_faults.run_template_killed,
        process_faults.code_server_and_run_killed,
        process_faults.daemon_killed,
        process_faults.supervisor_killed,
        process_faults.everything_killed,
        process_faults.command_killed,
        process_faults.shared_run_killed,
        process_faults.publication_killed,
        service_faults.redis_killed,
        service_faults.redis_flushed,
        service_faults.redis_full,
        service_faults.redis_password_changed,
        service_faults.rabbitmq_restarted,
        service_faults.database_restarted,
        service_faults.database_locked,
        service_faults.connections_exhausted,
        service_faults.disk_full,
        service_faults.gateway_killed,
        service_faults.gateway_holds_charges,
        service_faults.gateway_misbehaves,
        data_faults.published_figures_removed,
        data_faults.warehouse_removed,
        data_faults.hostile_files_dropped,
        data_faults.backup_killed,
        data_faults.restore_killed,
    )
}
ALERTS = {
    "redis full": AlertName.SERVICE_DOWN,
    "redis password changed": AlertName.SERVICE_DOWN,
    "published figures removed": AlertName.FIGURES_REBUILT,
    "warehouse removed": AlertName.FIGURES_REBUILT,
    "backup killed": AlertName.BACKUP_FAILED,
    HOSTILE: AlertName.QUARANTINED_FILE,
}


def faults_of(home: ChaosHome) -> list[str]:
    """Names of the faults that apply to this back end."""
    absent = {"database locked"} if home.postgres else {"database restarted", "connections exhausted"}
    absent |= set() if home.rabbit else {"rabbitmq restarted"}
    absent |= set() if home.own_disk else {"disk full"}
    return [name for name in FAULTS if name not in absent]
