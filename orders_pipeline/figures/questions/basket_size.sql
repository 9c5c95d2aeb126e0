-- Basket size
-- How many units and products an order has, and what it is worth, by month.
WITH baskets AS (
    SELECT
        order_id,
        count(DISTINCT product_sku) AS products,
        sum(quantity) AS units
    FROM order_lines
    WHERE status = 'completed'
    GROUP BY order_id
)

SELECT
    date_trunc('month', orders.day)::DATE AS month,
    orders.currency,
    count(*) AS orders,
    round(avg(baskets.products), 2) AS products_per_order,
    round(avg(baskets.units), 2) AS units_per_order,
    round(avg(orders.total), 2) AS value_per_order
FROM orders
INNER JOIN baskets ON baskets.order_id = orders.order_id
GROUP BY 1, 2
ORDER BY 1, 2;
