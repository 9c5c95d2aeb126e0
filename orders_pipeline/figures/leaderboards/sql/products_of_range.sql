SELECT
    product_sku,
    sum(order_count)::BIGINT AS order_count,
    sum(total_quantity)::BIGINT AS total_quantity,
    sum(total_revenue)::DECIMAL(30, 4) AS total_revenue
FROM product_sales_by_day
WHERE day BETWEEN $start AND $end AND currency = $currency
GROUP BY product_sku
ORDER BY CASE WHEN $by_revenue THEN sum(total_revenue) ELSE sum(total_quantity) END DESC, product_sku
LIMIT $limit;
