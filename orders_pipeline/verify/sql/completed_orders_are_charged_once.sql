-- A completed order has exactly one successful charge, of exactly its total; no other order has one.
SELECT o.number, o.status, o.total, COALESCE(p.charges, 0) AS charges, p.charged
FROM orders o
LEFT JOIN (
    SELECT order_id, COUNT(*) AS charges, SUM(amount) AS charged
    FROM payments
    WHERE status = 'succeeded'
    GROUP BY order_id
) p ON p.order_id = o.id
WHERE (o.status = 'completed' AND (COALESCE(p.charges, 0) <> 1 OR p.charged <> o.total))
   OR (o.status NOT IN ('completed', 'payment_processing') AND COALESCE(p.charges, 0) <> 0)
   OR (o.status = 'payment_processing' AND COALESCE(p.charges, 0) > 1)
