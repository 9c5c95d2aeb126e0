-- The money of an authorized order is held, exactly its total, until it is captured or voided. An authorization that has
-- ended agrees with its payment. No other payment was authorized.
SELECT o.number, o.status, o.total, p.attempt, p.status AS payment, p.amount, a.status AS authorization
FROM orders o
LEFT JOIN payments p ON p.order_id = o.id AND p.attempt = o.attempt
LEFT JOIN authorizations a ON a.order_id = o.id AND a.attempt = o.attempt
WHERE o.status = 'authorized'
  AND NOT (COALESCE(p.status, '') = 'authorized' AND p.amount = o.total
           AND COALESCE(a.status, '') IN ('open', 'pending', 'processing'))
UNION ALL
SELECT o.number, o.status, o.total, p.attempt, p.status, p.amount, a.status
FROM payments p
JOIN orders o ON o.id = p.order_id
LEFT JOIN authorizations a ON a.order_id = p.order_id AND a.attempt = p.attempt
WHERE (a.status IS NOT NULL OR p.status IN ('authorized', 'capture_declined', 'voided'))
  AND NOT ((p.status = 'authorized' AND COALESCE(a.status, '') IN ('open', 'pending', 'processing')
            AND o.status = 'authorized' AND p.attempt = o.attempt)
           OR (p.status = 'succeeded' AND a.status = 'captured' AND a.transaction_id IS NOT NULL)
           OR (p.status = 'voided' AND COALESCE(a.status, '') = 'voided' AND a.wanted = 'void'
               AND a.reason IS NOT NULL)
           OR (p.status = 'capture_declined' AND COALESCE(a.status, '') = 'declined'
               AND COALESCE(a.failure, '') = p.decline_reason))
