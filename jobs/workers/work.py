"""Tags of steps by the kind of work: the queue, and the seconds after which a step counts as hanging."""

from jobs.workers.queues import DEFAULT_QUEUE, QUEUE_TAG

TIME_LIMIT_TAG = "orders/time_limit_seconds"
ORDERS_QUEUE = "orders"
FILE_WORK = {QUEUE_TAG: DEFAULT_QUEUE, TIME_LIMIT_TAG: "7200"}
STORE_WORK = {QUEUE_TAG: ORDERS_QUEUE, TIME_LIMIT_TAG: "1800"}
GATEWAY_WORK = {QUEUE_TAG: ORDERS_QUEUE, TIME_LIMIT_TAG: "7200"}
# Figures, lists and upkeep.
SHORT_WORK = {QUEUE_TAG: DEFAULT_QUEUE, TIME_LIMIT_TAG: "1800"}
