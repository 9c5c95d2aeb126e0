-- Each customer's running totals equal the sums over the customer's completed orders, completed refunds and
-- returns.
SELECT customer_id, currency, SUM(orders) AS surplus_orders, SUM(spent) AS surplus_spent,
       SUM(refunded) AS surplus_refunded
FROM (
    SELECT customer_id, currency, orders, spent, refunded
    FROM customer_totals
    UNION ALL
    SELECT customer_id || '', currency, -COUNT(*), -SUM(total), 0
    FROM orders
    WHERE status = 'completed' AND customer_id || '' IS NOT NULL
    GROUP BY customer_id || '', currency
    UNION ALL
    SELECT o.customer_id, o.currency, 0, 0, -SUM(r.amount)
    FROM refunds r
    JOIN orders o ON o.id = r.order_id
    WHERE r.status = 'completed' AND r.kind = 'refund' AND o.customer_id IS NOT NULL
    GROUP BY o.customer_id, o.currency
    UNION ALL
    SELECT customer_id, currency, 0, 0, -SUM(total)
    FROM returns
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, currency
) difference
GROUP BY customer_id, currency
HAVING SUM(orders) <> 0 OR SUM(spent) <> 0 OR SUM(refunded) <> 0
