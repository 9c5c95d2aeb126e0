-- Per file: the counts of accepted lines and rejects equal the rows in the store, not counting rejects that
-- maintenance has deleted because of their age.
SELECT i.partition_key, COALESCE(b.accepted, 0) AS accepted, COALESCE(l.stored, 0) AS stored_lines,
       i.rejected_lines + COALESCE(b.conflicting, 0) AS bad, COALESCE(r.bad, 0) AS stored_bad,
       i.rejected_lines + i.lines_of_rejected_orders + COALESCE(b.conflicts, 0) AS rejects,
       COALESCE(r.stored, 0) AS stored_rejects
FROM imports i
LEFT JOIN (
    SELECT import_id, SUM(accepted_lines) AS accepted, SUM(conflict_lines) AS conflicts,
           SUM(conflict_orders) AS conflicting
    FROM batches
    GROUP BY import_id
) b ON b.import_id = i.id
LEFT JOIN (
    SELECT o.import_id, COUNT(*) AS stored
    FROM orders o
    JOIN order_lines l ON l.order_id = o.id
    GROUP BY o.import_id
) l ON l.import_id = i.id
LEFT JOIN (
    SELECT import_id, COUNT(*) AS stored, SUM(CASE WHEN code <> 'order_rejected' THEN 1 ELSE 0 END) AS bad
    FROM rejects
    GROUP BY import_id
) r ON r.import_id = i.id
WHERE i.status = 'finished'
  AND (COALESCE(b.accepted, 0) <> COALESCE(l.stored, 0)
       OR i.rejects_removed_at IS NULL
          AND (i.rejected_lines + COALESCE(b.conflicting, 0) <> COALESCE(r.bad, 0)
               OR i.rejected_lines + i.lines_of_rejected_orders + COALESCE(b.conflicts, 0)
                  <> COALESCE(r.stored, 0)))
