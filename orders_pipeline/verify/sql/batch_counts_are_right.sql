-- Each batch's counts equal its orders by status. With duplicates and conflicts they add up to its loaded orders. It
-- counts each new attempt of its orders.
SELECT b.import_id, b.number, b.pending, b.reserved, b.payment_processing, b.authorized, b.completed, b.rollback, b.failed,
       b.retried
FROM batches b
LEFT JOIN (
    SELECT import_id, batch,
           SUM(CASE WHEN status = 'pending' THEN 1 ELSE 0 END) AS pending,
           SUM(CASE WHEN status = 'reserved' THEN 1 ELSE 0 END) AS reserved,
           SUM(CASE WHEN status = 'payment_processing' THEN 1 ELSE 0 END) AS payment_processing,
           SUM(CASE WHEN status = 'authorized' THEN 1 ELSE 0 END) AS authorized,
           SUM(CASE WHEN status = 'completed' THEN 1 ELSE 0 END) AS completed,
           SUM(CASE WHEN status = 'rollback' THEN 1 ELSE 0 END) AS rollback,
           SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,
           SUM(attempt - 1) AS retried
    FROM orders
    GROUP BY import_id, batch
) o ON o.import_id = b.import_id AND o.batch = b.number
WHERE b.pending <> COALESCE(o.pending, 0)
   OR b.reserved <> COALESCE(o.reserved, 0)
   OR b.payment_processing <> COALESCE(o.payment_processing, 0)
   OR b.authorized <> COALESCE(o.authorized, 0)
   OR b.completed <> COALESCE(o.completed, 0)
   OR b.rollback <> COALESCE(o.rollback, 0)
   OR b.failed <> COALESCE(o.failed, 0)
   OR b.retried <> COALESCE(o.retried, 0)
   OR b.loaded <> b.pending + b.reserved + b.payment_processing + b.authorized + b.completed + b.rollback
                  + b.failed + b.duplicate_orders + b.conflict_orders
   OR (b.loaded = b.orders AND b.lines <> b.accepted_lines + b.duplicate_lines + b.conflict_lines)
