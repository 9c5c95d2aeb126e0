-- Per product: initial stock + restocked = on hand + reserved + sold. No term is negative. Reserved and
-- sold equal the units of the orders in these states.
SELECT p.sku, p.initial_stock, p.restocked, p.on_hand, p.reserved, p.sold,
       COALESCE(u.held, 0) AS units_held, COALESCE(u.sold, 0) AS units_sold
FROM products p
LEFT JOIN (
    SELECT l.product_id,
           SUM(CASE WHEN o.status IN ('reserved', 'payment_processing') THEN l.quantity ELSE 0 END) AS held,
           SUM(CASE WHEN o.status = 'completed' THEN l.quantity ELSE 0 END) AS sold
    FROM order_lines l
    JOIN orders o ON o.id = l.order_id
    GROUP BY l.product_id
) u ON u.product_id = p.id
WHERE p.initial_stock + p.restocked <> p.on_hand + p.reserved + p.sold
   OR p.on_hand < 0 OR p.reserved < 0 OR p.sold < 0
   OR p.reserved <> COALESCE(u.held, 0)
   OR p.sold <> COALESCE(u.sold, 0)
