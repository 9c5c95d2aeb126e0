-- Repeat customers
-- How many customers bought again, and which share of orders and revenue is theirs. Guests are not counted.
SELECT
    currency,
    count(*) AS customers,
    count(*) FILTER (WHERE order_count > 1) AS repeat_customers,
    round(1.0 * count(*) FILTER (WHERE order_count > 1) / count(*), 4) AS share_of_customers,
    round(1.0 * sum(order_count) FILTER (WHERE order_count > 1) / sum(order_count), 4) AS share_of_orders,
    round(sum(total_spent) FILTER (WHERE order_count > 1) / nullif(sum(total_spent), 0), 4) AS share_of_revenue
FROM customers
WHERE order_count > 0
GROUP BY currency
ORDER BY currency;
