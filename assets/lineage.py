"""How assets depend on order files.

Any file may have orders of any day. Only the order store knows which days and boards a file changed, and jobs
publish those. If each file were an input of each day, each file would make all days unsynced.
"""

from dagster import SpecificPartitionsPartitionMapping

# Shows the lineage, and makes no partition depend on any file.
AS_THE_STORE_KNOWS = SpecificPartitionsPartitionMapping(())
