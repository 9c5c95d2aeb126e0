-- What a payment has marked as refunded equals its open and completed refunds, and is at most what was captured.
-- Disputes are outside this bound.
SELECT o.number, p.attempt, p.status, p.amount AS captured, p.refunded, COALESCE(r.taken, 0) AS refunds
FROM payments p
JOIN orders o ON o.id = p.order_id
LEFT JOIN (
    SELECT order_id, attempt, SUM(amount) AS taken
    FROM refunds
    WHERE kind = 'refund' AND status IN ('pending', 'processing', 'completed')
    GROUP BY order_id, attempt
) r ON r.order_id = p.order_id AND r.attempt = p.attempt
WHERE p.refunded <> COALESCE(r.taken, 0)
   OR p.refunded > p.amount
   OR (p.refunded > 0 AND p.status <> 'succeeded')
