-- Per product: initial stock + restocked = the units of its receipts.
SELECT p.sku, p.initial_stock, p.restocked, COALESCE(SUM(r.units), 0) AS received
FROM products p
LEFT JOIN stock_receipts r ON r.product_id = p.id
GROUP BY p.id, p.sku, p.initial_stock, p.restocked
HAVING p.initial_stock + p.restocked <> COALESCE(SUM(r.units), 0)
