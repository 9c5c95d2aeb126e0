"""What to do first about each alert, in a sentence or two. docs/runbooks.md says more."""

from __future__ import annotations

from orders_pipeline.monitoring.alerts.alert_rules import AlertName

REMEDIES = {
    AlertName.WAITING_TOO_LONG: "If the number of waiting tasks does not fall, add workers.",
    AlertName.NO_WORKERS: "Run `orders up` on each machine that should have workers.",
    AlertName.FAILURE_SHARE: "See `orders failed`, remove the cause, then run `orders retry`.",
    AlertName.NO_ARRIVALS: "Ask the sender of the files. If the intake is paused, run `orders resume`.",
    AlertName.STUCK_IMPORT: "See `orders failed`, remove the cause, then import the file again.",
    AlertName.FIGURES_LATE: "If the daemon does not run, use `orders up`. Otherwise, a failed run says why.",
    AlertName.SERVICE_DOWN: "Start the service.",
    AlertName.DISK_NEARLY_FULL: "Free space, or move to a larger disk.",
    AlertName.FIGURES_REBUILT: "Under `orders up`, the figures are rebuilt automatically. Check the disk.",
    AlertName.BACKUP_FAILED: "Remove the cause, then run `orders backup FOLDER`.",
    AlertName.BACKUP_OLD: "If the daemon is not running, run `orders up`. Or run `orders backup FOLDER` now.",
    AlertName.QUARANTINED_FILE: "Run `orders quarantine retry ID` or `orders quarantine dismiss ID`.",
    AlertName.INBOX_WAITING: "Check the permissions of the inbox, or start what is missing with `orders up`.",
    AlertName.UNCAPTURED: "Run `orders capture --all`, or `orders capture` or `orders cancel` with numbers.",
    AlertName.OPEN_REFUND: "Run `orders refunds list --status pending` and `--status processing`.",
    AlertName.WEBHOOK_FAILING: "Run `orders webhooks test ID`, then `orders webhooks replay ID`.",
    AlertName.NOTIFICATIONS_FAILING: "See `orders notifications stats`, then check ORDERS_SMTP_URL.",
    AlertName.OUTBOX_FAILING: "Make the folder or URL of ORDERS_OUTBOX writable. Results are then written.",
    AlertName.UNKNOWN_EVENT: "`GET /api/gateway/events?status=waiting` shows the event and why it waits.",
    AlertName.SENSOR_SILENT: "Remove the cause that the error names, or run `orders restart`.",
}


def remedy(name: str) -> str:
    """What to do about an alert. Works for names that this version does not know."""
    known = REMEDIES.get(AlertName(name)) if name in set(AlertName) else None
    return known or "See docs/runbooks.md."
