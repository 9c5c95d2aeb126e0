-- Each customer's running totals equal the sums over the customer's completed orders.
SELECT customer_id, currency, SUM(orders) AS surplus_orders, SUM(spent) AS surplus_spent
FROM (
    SELECT customer_id, currency, orders, spent
    FROM customer_totals
    UNION ALL
    SELECT customer_id, currency, -COUNT(*), -SUM(total)
    FROM orders
    WHERE status = 'completed' AND customer_id IS NOT NULL
    GROUP BY customer_id, currency
) difference
GROUP BY customer_id, currency
HAVING SUM(orders) <> 0 OR SUM(spent) <> 0
