-- Each event about an order agrees with the store: with the status of a completed order, with the reason of an attempt
-- that ended without a sale, or with the payment of a refund.
SELECT e.id AS event, e.type, e.order_id, e.attempt, o.status
FROM events e
LEFT JOIN orders o ON o.id = e.order_id
LEFT JOIN failures f ON f.order_id = e.order_id AND f.attempt = e.attempt
LEFT JOIN payments p ON p.order_id = e.order_id AND p.attempt = e.attempt
WHERE e.order_id IS NOT NULL
  AND (o.id IS NULL
       OR e.attempt > o.attempt
       OR (e.type = 'order.completed' AND (o.status <> 'completed' OR o.attempt <> e.attempt))
       OR (e.type IN ('order.failed', 'order.rolled_back') AND f.order_id IS NULL)
       OR (e.type IN ('order.refunded', 'refund.failed', 'order.authorized') AND p.order_id IS NULL))
