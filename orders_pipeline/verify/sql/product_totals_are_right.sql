-- Each product's running totals equal the sums over the lines of completed orders.
SELECT product_id, currency, SUM(orders) AS surplus_orders, SUM(units) AS surplus_units,
       SUM(revenue) AS surplus_revenue
FROM (
    SELECT product_id, currency, orders, units, revenue
    FROM product_totals
    UNION ALL
    SELECT l.product_id, o.currency, -COUNT(DISTINCT o.id), -SUM(l.quantity), -SUM(l.total)
    FROM orders o
    JOIN order_lines l ON l.order_id = o.id
    WHERE o.status = 'completed'
    GROUP BY l.product_id, o.currency
) difference
GROUP BY product_id, currency
HAVING SUM(orders) <> 0 OR SUM(units) <> 0 OR SUM(revenue) <> 0
