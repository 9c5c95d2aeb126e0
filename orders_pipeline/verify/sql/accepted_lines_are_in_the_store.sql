-- Per file: the accepted lines and the rejects that were counted are the rows that the store holds.
SELECT i.partition_key, b.accepted, COALESCE(l.stored, 0) AS stored_lines,
       i.rejected_lines + i.lines_of_rejected_orders + b.conflicts AS rejects, COALESCE(r.stored, 0) AS stored_rejects
FROM imports i
JOIN (
    SELECT import_id, SUM(accepted_lines) AS accepted, SUM(conflict_lines) AS conflicts
    FROM batches
    GROUP BY import_id
) b ON b.import_id = i.id
LEFT JOIN (
    SELECT o.import_id, COUNT(*) AS stored
    FROM orders o
    JOIN order_lines l ON l.order_id = o.id
    GROUP BY o.import_id
) l ON l.import_id = i.id
LEFT JOIN (SELECT import_id, COUNT(*) AS stored FROM rejects GROUP BY import_id) r ON r.import_id = i.id
WHERE i.status = 'finished'
  AND (b.accepted <> COALESCE(l.stored, 0)
       OR i.rejected_lines + i.lines_of_rejected_orders + b.conflicts <> COALESCE(r.stored, 0))
