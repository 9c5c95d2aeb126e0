-- Decline reasons
-- Declined charges by the gateway's reason, and the outcome of their orders, because a retry may have succeeded.
SELECT
    payments.currency,
    payments.decline_reason,
    count(*) AS declined_charges,
    sum(payments.amount) AS amount,
    count(*) FILTER (WHERE orders.status = 'completed') AS completed_later,
    min(payments.day) AS first_day,
    max(payments.day) AS last_day
FROM payments
INNER JOIN orders ON orders.order_id = payments.order_id
WHERE payments.status = 'declined'
GROUP BY 1, 2
ORDER BY 1, 3 DESC, 2;
