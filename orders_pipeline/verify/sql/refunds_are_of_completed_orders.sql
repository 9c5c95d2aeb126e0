-- A refund belongs to the current attempt of a completed order. A completed refund of the gateway has a transaction,
-- unless it refunds nothing. A refund that was never sent to the gateway is pending, or was made elsewhere. No operator
-- approves a refund that they requested.
SELECT o.number, o.status AS order_status, r.refund_id, r.kind, r.status, r.transaction_id, r.tries
FROM refunds r
JOIN orders o ON o.id = r.order_id
WHERE o.status <> 'completed'
   OR r.attempt <> o.attempt
   OR (r.status = 'completed' AND r.kind = 'refund' AND r.method = 'gateway' AND r.amount > 0
       AND r.transaction_id IS NULL)
   OR (r.status = 'pending' AND r.tries > 0)
   OR (r.method = 'recorded' AND r.tries > 0)
   OR (r.method = 'gateway' AND r.kind = 'refund' AND r.amount > 0 AND r.tries = 0
       AND r.status IN ('processing', 'completed', 'failed'))
   OR r.approved_by = r.requested_by
   OR (r.kind = 'dispute' AND r.status NOT IN ('completed', 'failed'))
