"""How often each sensor looks, in seconds.

A tick costs Dagster's daemon and the code server some hundredths of a second together, whatever the sensor
does, and an idle stack does little else. So a sensor looks as rarely as its purpose allows.
"""

# The launcher notices files at once. These two are the net below it.
INBOX, SMALL_FILES = 30, 60
# A lost import is found by heartbeats that have not changed since earlier looks.
LOST_IMPORTS = 30
# A dismissed file leaves Dagster within a minute.
REFUSED_FILES = 60
# The last step of an import publishes its days. This one publishes what that leaves, and other changes.
CHANGED_DAYS = 30
# Until a lost leaderboard is rebuilt, the order store answers.
MISSING_BOARDS = 120
SNAPSHOTS = 300
# Somebody waits for money to go back. Money that is held can be taken for days.
OPEN_REFUNDS, OPEN_CAPTURES = 30, 60
# The outbox gets results within a minute.
RESULTS = 30
FIRST_CHECK = 300
# What is wrong is told within two minutes.
FAILED_RUNS, ALERTS, ALERTS_WATCH = 60, 30, 60
