SELECT
    product_sku,
    sum(order_count)::BIGINT AS order_count,
    sum(total_quantity - units_returned)::DECIMAL(30, 3) AS total_quantity,
    sum(total_revenue - refunded)::DECIMAL(30, 4) AS total_revenue
FROM product_sales_by_day
WHERE day BETWEEN $start AND $end AND currency = $currency
GROUP BY product_sku
ORDER BY
    CASE WHEN $by_revenue THEN sum(total_revenue - refunded) ELSE sum(total_quantity - units_returned) END DESC,
    product_sku
LIMIT $limit;
