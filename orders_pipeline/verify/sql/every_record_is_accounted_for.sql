-- Per file: records = accepted + rejected + valid lines of rejected orders + duplicates + left out + repeated. Lines
-- of returns are among them.
SELECT i.partition_key, i.records, COALESCE(b.accepted, 0) AS accepted, i.rejected_lines,
       i.lines_of_rejected_orders + COALESCE(b.conflicts, 0) AS lines_of_rejected_orders,
       COALESCE(b.duplicates, 0) AS duplicates, i.left_out_lines, i.repeated_lines,
       i.return_lines, i.duplicate_return_lines, i.refused_return_lines
FROM imports i
LEFT JOIN (
    SELECT import_id, SUM(accepted_lines) AS accepted, SUM(duplicate_lines) AS duplicates,
           SUM(conflict_lines) AS conflicts
    FROM batches
    GROUP BY import_id
) b ON b.import_id = i.id
WHERE i.status = 'finished'
  AND i.records <> COALESCE(b.accepted, 0) + i.rejected_lines + i.lines_of_rejected_orders
                   + COALESCE(b.conflicts, 0) + COALESCE(b.duplicates, 0)
                   + i.left_out_lines + i.repeated_lines
                   + i.return_lines + i.duplicate_return_lines + i.refused_return_lines
