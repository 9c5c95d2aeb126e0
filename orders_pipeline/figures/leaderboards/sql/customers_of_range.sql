SELECT
    customer_id,
    sum(order_count)::BIGINT AS order_count,
    sum(total_spent - refunded)::DECIMAL(30, 4) AS total_spent
FROM customer_sales_by_day
WHERE day BETWEEN $start AND $end AND currency = $currency
GROUP BY customer_id
ORDER BY total_spent DESC, customer_id
LIMIT $limit;
