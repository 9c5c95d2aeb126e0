-- Per file: the store has as many returns, with as many lines, as the file's import has counted. Some name their order.
SELECT i.partition_key, i.returns, COALESCE(s.returns, 0) AS stored_returns,
       i.return_lines, COALESCE(s.lines, 0) AS stored_lines
FROM imports i
LEFT JOIN (
    SELECT import_id, SUM(returns) AS returns, SUM(lines) AS lines
    FROM (
        SELECT r.import_id, COUNT(DISTINCT r.id) AS returns, COUNT(l.line) AS lines
        FROM returns r
        LEFT JOIN return_lines l ON l.return_id = r.id
        GROUP BY r.import_id
        UNION ALL
        SELECT import_id, COUNT(DISTINCT number), COUNT(*)
        FROM order_returns
        GROUP BY import_id
    ) counted
    GROUP BY import_id
) s ON s.import_id = i.id
WHERE i.returns <> COALESCE(s.returns, 0) OR i.return_lines <> COALESCE(s.lines, 0)
