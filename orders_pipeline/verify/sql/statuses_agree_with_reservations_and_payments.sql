-- An order's status is the one that its reservation and its payment of the current attempt imply.
SELECT o.number, o.status, o.attempt, r.status AS reservation, p.status AS payment, f.reason AS failure
FROM orders o
LEFT JOIN reservations r ON r.order_id = o.id AND r.attempt = o.attempt
LEFT JOIN payments p ON p.order_id = o.id AND p.attempt = o.attempt
LEFT JOIN failures f ON f.order_id = o.id AND f.attempt = o.attempt
WHERE NOT (
    (o.status = 'pending' AND r.status IS NULL AND p.status IS NULL AND f.reason IS NULL)
    OR (o.status = 'reserved' AND COALESCE(r.status, '') = 'held' AND p.status IS NULL AND f.reason IS NULL)
    OR (o.status = 'payment_processing' AND COALESCE(r.status, '') = 'held' AND p.status IS NOT NULL
        AND f.reason IS NULL)
    OR (o.status = 'completed' AND COALESCE(r.status, '') = 'sold' AND COALESCE(p.status, '') = 'succeeded'
        AND f.reason IS NULL)
    OR (o.status = 'rollback' AND COALESCE(r.status, '') = 'released' AND COALESCE(p.status, '') <> 'succeeded'
        AND f.reason IS NOT NULL)
    OR (o.status = 'failed' AND r.status IS NULL AND p.status IS NULL AND f.reason IS NOT NULL)
)
