-- Refund rate
-- By the month of the order: the share of revenue that was refunded so far, and of orders with a refund.
SELECT
    date_trunc('month', day)::DATE AS month,
    currency,
    count(*) AS orders,
    count(*) FILTER (WHERE refunded > 0) AS refunded_orders,
    round(1.0 * count(*) FILTER (WHERE refunded > 0) / count(*), 4) AS share_of_orders,
    sum(total) AS revenue,
    sum(refunded) AS refunded,
    round(sum(refunded) / nullif(sum(total), 0), 4) AS share_of_revenue
FROM orders
WHERE status = 'completed'
GROUP BY 1, 2
ORDER BY 1, 2;
