-- Each product's running totals equal the sums over the lines of completed orders, completed refunds and returns.
SELECT product_id, SUM(orders) AS surplus_orders, SUM(units) AS surplus_units, SUM(revenue) AS surplus_revenue,
       SUM(units_returned) AS surplus_units_returned, SUM(refunded) AS surplus_refunded
FROM (
    SELECT product_id, orders, units, revenue, units_returned, refunded
    FROM product_totals
    WHERE currency = :currency
    UNION ALL
    SELECT l.product_id, -COUNT(DISTINCT o.id), -SUM(l.quantity), -SUM(l.total), 0, 0
    FROM orders o
    CROSS JOIN order_lines l
    WHERE l.order_id = o.id AND o.status = 'completed' AND o.currency = :currency
    GROUP BY l.product_id
    UNION ALL
    SELECT l.product_id, 0, 0, 0, -SUM(b.quantity), -SUM(b.amount * :minor_unit)
    FROM refunds r
    CROSS JOIN refund_lines b
    CROSS JOIN orders o
    CROSS JOIN order_lines l
    WHERE b.refund = r.id AND o.id = r.order_id AND l.order_id = r.order_id AND l.line = b.line
      AND r.status = 'completed' AND r.kind = 'refund' AND o.currency = :currency
    GROUP BY l.product_id
    UNION ALL
    SELECT l.product_id, 0, 0, 0, -SUM(l.quantity), -SUM(l.total)
    FROM returns r
    JOIN return_lines l ON l.return_id = r.id
    WHERE r.currency = :currency
    GROUP BY l.product_id
) difference
GROUP BY product_id
HAVING SUM(orders) <> 0 OR SUM(units) <> 0 OR SUM(revenue) <> 0 OR SUM(units_returned) <> 0 OR SUM(refunded) <> 0
