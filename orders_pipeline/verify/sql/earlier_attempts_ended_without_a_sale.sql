-- Each attempt before an order's current one has a failure. Its reservation is released and its payment declined or
-- voided, or they do not exist, as the failure requires.
SELECT o.number, f.attempt, f.reason AS failure, r.status AS reservation, p.status AS payment
FROM failures f
JOIN orders o ON o.id = f.order_id AND f.attempt < o.attempt
LEFT JOIN reservations r ON r.order_id = f.order_id AND r.attempt = f.attempt
LEFT JOIN payments p ON p.order_id = f.order_id AND p.attempt = f.attempt
WHERE NOT (
    (f.reason = 'declined' AND COALESCE(r.status, '') = 'released' AND COALESCE(p.status, '') IN ('declined', 'capture_declined')
     AND f.detail = COALESCE(p.decline_reason, ''))
    OR (f.reason = 'expired' AND COALESCE(r.status, '') = 'released' AND p.status IS NULL)
    OR (f.reason = 'cancelled' AND COALESCE(r.status, 'released') = 'released' AND p.status IS NULL)
    OR (f.reason IN ('cancelled', 'not_captured') AND COALESCE(r.status, '') = 'released'
        AND COALESCE(p.status, '') = 'voided')
    OR (f.reason IN ('out_of_stock', 'unknown_product') AND r.status IS NULL AND p.status IS NULL)
)
UNION ALL
SELECT o.number, o.attempt - 1, 'missing', NULL, NULL
FROM orders o
WHERE o.attempt > 1
  AND o.attempt - 1 <> (SELECT COUNT(*) FROM failures f WHERE f.order_id = o.id AND f.attempt < o.attempt)
