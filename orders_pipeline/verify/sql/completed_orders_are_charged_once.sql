-- A completed order has exactly one payment, or none if it owes nothing; no other order has one. Each charge asks
-- for exactly the order's total. A payment that was made elsewhere is at most the total.
SELECT o.number, o.status, o.total, COALESCE(p.paid, 0) AS payments, p.least, p.most, p.recorded
FROM orders o
LEFT JOIN (
    SELECT order_id, SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS paid,
           MIN(CASE WHEN method = 'gateway' THEN amount END) AS least,
           MAX(CASE WHEN method = 'gateway' THEN amount END) AS most,
           MAX(CASE WHEN method = 'recorded' THEN amount END) AS recorded
    FROM payments
    GROUP BY order_id
) p ON p.order_id = o.id
WHERE p.least <> o.total
   OR p.most <> o.total
   OR p.recorded > o.total
   OR (o.status = 'completed' AND COALESCE(p.paid, 0) <> CASE WHEN o.total = 0 THEN 0 ELSE 1 END)
   OR (o.status NOT IN ('completed', 'payment_processing') AND COALESCE(p.paid, 0) <> 0)
   OR (o.status = 'payment_processing' AND COALESCE(p.paid, 0) > 1)
