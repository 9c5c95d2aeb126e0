-- An order's status follows from the reservation, payment and failure of its current attempt.
SELECT o.number, o.status, o.attempt, r.status AS reservation, p.status AS payment, f.reason AS failure
FROM orders o
LEFT JOIN reservations r ON r.order_id = o.id AND r.attempt = o.attempt
LEFT JOIN payments p ON p.order_id = o.id AND p.attempt = o.attempt
LEFT JOIN failures f ON f.order_id = o.id AND f.attempt = o.attempt
WHERE NOT (
    (o.status = 'pending' AND r.status IS NULL AND p.status IS NULL AND f.reason IS NULL)
    OR (o.status = 'reserved' AND COALESCE(r.status, '') = 'held' AND p.status IS NULL AND f.reason IS NULL)
    OR (o.status = 'payment_processing' AND COALESCE(r.status, '') = 'held'
        AND (p.status IS NULL) = (o.total = 0) AND f.reason IS NULL)
    OR (o.status = 'authorized' AND COALESCE(r.status, '') = 'held' AND COALESCE(p.status, '') = 'authorized'
        AND f.reason IS NULL)
    OR (o.status = 'completed' AND COALESCE(r.status, '') = 'sold'
        AND COALESCE(p.status, '') = CASE WHEN o.total = 0 THEN '' ELSE 'succeeded' END AND f.reason IS NULL)
    OR (o.status = 'rollback' AND COALESCE(r.status, '') = 'released'
        AND ((COALESCE(f.reason, '') = 'declined' AND COALESCE(p.status, '') IN ('declined', 'capture_declined')
              AND COALESCE(f.detail, '') = COALESCE(p.decline_reason, ''))
             OR (COALESCE(f.reason, '') IN ('expired', 'cancelled') AND p.status IS NULL)
             OR (COALESCE(f.reason, '') IN ('cancelled', 'not_captured') AND COALESCE(p.status, '') = 'voided')))
    OR (o.status = 'failed' AND r.status IS NULL AND p.status IS NULL
        AND COALESCE(f.reason, '') IN ('out_of_stock', 'unknown_product', 'cancelled'))
)
