"""How assets depend on order files.

Any file may have orders of any day. The order store records which days and boards a file changed, and jobs
publish only those. If each file were an input of each day, each new file would make all days unsynced.
"""

from dagster import AssetDep, SpecificPartitionsPartitionMapping

# Shows the lineage without making any partition depend on a file.
AS_THE_STORE_KNOWS = SpecificPartitionsPartitionMapping(())
ORDERS_AND_REFUNDS = [AssetDep("orders", partition_mapping=AS_THE_STORE_KNOWS), AssetDep("refunds")]
