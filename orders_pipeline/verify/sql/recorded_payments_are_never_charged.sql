-- An order that is paid elsewhere has only payments with its recorded amount and reference; no other order has a
-- recorded payment.
SELECT o.number, p.attempt, p.method, p.amount, r.paid, p.transaction_id, r.reference
FROM payments p
JOIN orders o ON o.id = p.order_id
LEFT JOIN recorded_payments r ON r.order_id = p.order_id
WHERE (p.method = 'recorded' AND r.order_id IS NULL)
   OR (r.order_id IS NOT NULL
       AND (p.method <> 'recorded' OR p.amount <> r.paid OR p.status <> 'succeeded'
            OR p.transaction_id <> r.reference))
