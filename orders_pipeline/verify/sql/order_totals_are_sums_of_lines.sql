-- An order's total is the exact sum of its lines, rounded half up to the currency's minor unit.
SELECT o.number, o.total, SUM(l.total) AS lines
FROM orders o
LEFT JOIN order_lines l ON l.order_id = o.id
WHERE o.currency = :currency
GROUP BY o.id, o.number, o.total
HAVING o.total <> COALESCE((SUM(l.total) * 2 + :divisor) / (:divisor * 2), -1)
