"""Does once what each run would otherwise do at its start.

The process from which runs are forked imports this module last.
It opens no store and no connection, because forked processes cannot share them.
"""

from jobs.dagster_seams.migrations import read_migrations_now

read_migrations_now()
