-- A return's total is the exact sum of its lines, rounded half up to the currency's minor unit.
SELECT r.number, r.total, SUM(l.total) AS lines
FROM returns r
LEFT JOIN return_lines l ON l.return_id = r.id
WHERE r.currency = :currency
GROUP BY r.id, r.number, r.total
HAVING r.total <> COALESCE((CAST(SUM(l.total) AS BIGINT) * 2 + :minor_unit) / (:minor_unit * 2), -1)
