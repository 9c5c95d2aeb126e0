-- An order's total is the exact sum of its lines, rounded half up to the currency's minor unit. A sum of integers
-- is NUMERIC on PostgreSQL, so it is cast to an integer before the integer division.
SELECT o.number, o.total, SUM(l.total) AS lines
FROM orders o
LEFT JOIN order_lines l ON l.order_id = o.id
WHERE o.currency = :currency
GROUP BY o.id, o.number, o.total
HAVING o.total <> COALESCE((CAST(SUM(l.total) AS BIGINT) * 2 + :divisor) / (:divisor * 2), -1)
