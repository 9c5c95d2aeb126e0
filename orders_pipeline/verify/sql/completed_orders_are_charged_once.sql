-- A completed order has one successful payment, that of its current attempt, or none if it owes nothing. An order that
-- is not completed has none, unless its payment is being processed. Each charge asks for exactly the order's total. A
-- payment that was made elsewhere is at most the total.
SELECT o.number, o.status, o.total, p.attempt, p.status AS payment, p.amount
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id AND p.attempt = o.attempt
WHERE (o.status = 'completed' AND o.total > 0 AND COALESCE(p.status, '') <> 'succeeded')
   OR (p.status = 'succeeded' AND (o.total = 0 OR o.status NOT IN ('completed', 'payment_processing')))
UNION ALL
SELECT o.number, o.status, o.total, p.attempt, p.status, p.amount
FROM payments p
JOIN orders o ON o.id = p.order_id
WHERE (p.status = 'succeeded' AND p.attempt <> o.attempt)
   OR (p.method = 'gateway' AND p.amount <> o.total)
   OR (p.method = 'recorded' AND p.amount > o.total)
