"""Does once what each run would do first. The process that runs are forked from imports this module last.

It opens no store and no connection, because runs could not share them.
"""

from jobs.dagster_seams.migrations import read_migrations_now

read_migrations_now()
