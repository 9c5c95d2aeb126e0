-- Per file: there are as many rejects as were counted, or retention has removed them and kept their number by code. The
-- rejects of a file without orders are those that the stored result of parsing it counts.
SELECT i.partition_key, i.status, e.bad, COALESCE(r.bad, 0) AS stored_bad, e.rejects,
       COALESCE(r.stored, 0) AS stored_rejects
FROM imports i
JOIN (
    SELECT i.id, i.rejected_lines + i.refused_returns + COALESCE(SUM(b.conflict_orders), 0) AS bad,
           i.rejected_lines + i.lines_of_rejected_orders + i.refused_return_lines
           + COALESCE(SUM(b.conflict_lines), 0) AS rejects
    FROM imports i
    LEFT JOIN batches b ON b.import_id = i.id
    WHERE i.records > 0
    GROUP BY i.id, i.rejected_lines, i.lines_of_rejected_orders, i.refused_returns, i.refused_return_lines
    UNION ALL
    SELECT i.id, SUM(CASE WHEN p.key = 'rejected_lines' THEN CAST(CAST(p.value AS TEXT) AS BIGINT) END),
           SUM(CAST(CAST(p.value AS TEXT) AS BIGINT))
    FROM imports i, json_each(i.parsed) p
    WHERE i.records = 0 AND p.key IN ('rejected_lines', 'lines_of_rejected_orders')
    GROUP BY i.id
) e ON e.id = i.id
LEFT JOIN (
    SELECT import_id, COUNT(*) AS stored, SUM(CASE WHEN code <> 'order_rejected' THEN 1 ELSE 0 END) AS bad
    FROM rejects
    GROUP BY import_id
    UNION ALL
    SELECT i.id, 0, SUM(CAST(CAST(c.value AS TEXT) AS BIGINT))
    FROM imports i, json_each(i.removed_rejects) c
    GROUP BY i.id
) r ON r.import_id = i.id
WHERE e.bad <> COALESCE(r.bad, 0)
   OR (i.rejects_removed_at IS NULL AND e.rejects <> COALESCE(r.stored, 0))
