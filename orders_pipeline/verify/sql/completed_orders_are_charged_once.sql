-- A completed order has exactly one successful charge; no other order has one. Each charge asks for exactly the
-- order's total.
SELECT o.number, o.status, o.total, COALESCE(p.charges, 0) AS charges, p.least, p.most
FROM orders o
LEFT JOIN (
    SELECT order_id, SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS charges,
           MIN(amount) AS least, MAX(amount) AS most
    FROM payments
    GROUP BY order_id
) p ON p.order_id = o.id
WHERE p.least <> o.total
   OR p.most <> o.total
   OR (o.status = 'completed' AND COALESCE(p.charges, 0) <> 1)
   OR (o.status NOT IN ('completed', 'payment_processing') AND COALESCE(p.charges, 0) <> 0)
   OR (o.status = 'payment_processing' AND COALESCE(p.charges, 0) > 1)
