"""The interval of each sensor, in seconds.

Each tick costs Dagster's daemon and the code server together some hundredths of a second of processor time,
and ticks are most of the load of an idle stack. So intervals are as long as the purpose of the sensor allows.
"""

# The launcher notices files at once. These two sensors are only its fallback.
INBOX, SMALL_FILES = 30, 60
# An import is lost if its heartbeat has not changed since earlier ticks.
LOST_IMPORTS = 30
# A dismissed file must disappear from Dagster within a minute.
REFUSED_FILES = 60
# The last step of an import publishes its days. This sensor publishes other changes, and days that it left
# out.
CHANGED_DAYS = 30
# Until a lost leaderboard is rebuilt, it is read from the order store.
MISSING_BOARDS = 120
SNAPSHOTS = 300
# Customers wait for refunds. Authorized money can be captured for days.
OPEN_REFUNDS, OPEN_CAPTURES = 30, 60
# Results must be in the outbox within a minute.
RESULTS = 30
FIRST_CHECK = 300
# Alerts must be raised within two minutes.
FAILED_RUNS, ALERTS, ALERTS_WATCH = 60, 30, 60
