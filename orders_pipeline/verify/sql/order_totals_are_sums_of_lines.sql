-- An order's total is the exact sum of its lines and amounts, rounded half up to the currency's minor unit. A sum
-- of integers is NUMERIC on PostgreSQL, so it is cast to an integer before the integer division.
SELECT o.number, o.total, SUM(l.total - l.discount) + COALESCE(a.added, 0) AS lines_and_amounts
FROM orders o
LEFT JOIN order_lines l ON l.order_id = o.id
LEFT JOIN (
    SELECT order_id,
           SUM(CASE kind WHEN 'discount' THEN -amount WHEN 'tax_included' THEN 0 ELSE amount END) AS added
    FROM order_amounts
    GROUP BY order_id
) a ON a.order_id = o.id
WHERE o.currency = :currency
GROUP BY o.id, o.number, o.total, a.added
HAVING o.total <> COALESCE(
    (CAST(SUM(l.total - l.discount) + COALESCE(a.added, 0) AS BIGINT) * 2 + :minor_unit) / (:minor_unit * 2), -1)
