-- No order has a reservation, payment or failure of an attempt that it has not made.
SELECT o.number, o.attempt, other.attempt AS other_attempt, other.what
FROM (
    SELECT order_id, attempt, 'reservation' AS what FROM reservations
    UNION ALL
    SELECT order_id, attempt, 'payment' FROM payments
    UNION ALL
    SELECT order_id, attempt, 'failure' FROM failures
) other
JOIN orders o ON o.id = other.order_id
WHERE other.attempt < 1 OR other.attempt > o.attempt
