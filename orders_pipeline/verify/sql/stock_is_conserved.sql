-- Per product: initial stock + restocked = on hand + reserved + sold. No term is negative. Reserved and
-- sold equal the units of the orders in these states, less the units that refunds put back on the shelf. Units of
-- returns are among the restocked ones.
SELECT p.sku, p.initial_stock, p.restocked, p.on_hand, p.reserved, p.sold,
       COALESCE(u.held, 0) AS units_held, COALESCE(u.sold, 0) - COALESCE(b.units, 0) AS units_sold, COALESCE(s.units, 0) AS units_returned
FROM products p
LEFT JOIN (
    SELECT l.product_id,
           SUM(CASE WHEN o.status IN ('reserved', 'payment_processing', 'authorized') THEN l.quantity ELSE 0 END) AS held,
           SUM(CASE WHEN o.status = 'completed' THEN l.quantity ELSE 0 END) AS sold
    FROM orders o
    CROSS JOIN order_lines l
    WHERE l.order_id = o.id
    GROUP BY l.product_id
) u ON u.product_id = p.id
LEFT JOIN (
    SELECT l.product_id, SUM(back.quantity) AS units
    FROM refunds r
    CROSS JOIN refund_lines back
    CROSS JOIN order_lines l
    WHERE back.refund = r.id AND l.order_id = r.order_id AND l.line = back.line
      AND r.status = 'completed' AND r.kind = 'refund' AND r.restock
    GROUP BY l.product_id
) b ON b.product_id = p.id
LEFT JOIN (
    SELECT product_id, SUM(quantity) AS units
    FROM return_lines
    GROUP BY product_id
) s ON s.product_id = p.id
WHERE p.initial_stock + p.restocked <> p.on_hand + p.reserved + p.sold
   OR p.on_hand < 0 OR p.reserved < 0 OR p.sold < 0
   OR p.restocked < COALESCE(s.units, 0)
   OR p.reserved <> COALESCE(u.held, 0)
   OR p.sold <> COALESCE(u.sold, 0) - COALESCE(b.units, 0)
