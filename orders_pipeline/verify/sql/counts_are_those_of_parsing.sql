-- Per file: its counts are those of the stored result of parsing it.
SELECT partition_key, count_of, parsed, stored
FROM (
    SELECT i.partition_key, p.key AS count_of, CAST(p.value AS TEXT) AS parsed,
           CASE p.key
               WHEN 'records' THEN i.records
               WHEN 'rejected_lines' THEN i.rejected_lines
               WHEN 'lines_of_rejected_orders' THEN i.lines_of_rejected_orders
               WHEN 'orders_rejected' THEN i.rejected_orders
               WHEN 'left_out_lines' THEN i.left_out_lines
               WHEN 'repeated_lines' THEN i.repeated_lines
               WHEN 'returns' THEN i.returns + i.duplicate_returns + i.refused_returns
               WHEN 'return_lines' THEN i.return_lines + i.duplicate_return_lines + i.refused_return_lines
           END AS stored
    FROM imports i, json_each(i.parsed) p
    WHERE i.records > 0
) counts
WHERE stored IS NOT NULL AND parsed <> CAST(stored AS TEXT)
