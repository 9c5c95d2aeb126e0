-- Stock-outs and their lost sales
-- Products that ran out: the orders that failed because of each, what these orders were worth, and what is on
-- hand now.
SELECT
    orders.currency,
    orders.short_sku AS product_sku,
    products.product_name,
    count(*) AS lost_orders,
    sum(orders.total) AS lost_sales,
    min(orders.day) AS first_day,
    max(orders.day) AS last_day,
    max(products.on_hand) AS on_hand_now
FROM orders
LEFT JOIN products ON products.product_sku = orders.short_sku
WHERE orders.status = 'failed' AND orders.failure_reason = 'out_of_stock'
GROUP BY 1, 2, 3
ORDER BY 1, 5 DESC, 2;
