-- No two charges have the same transaction. If a gateway returned one transaction for two charges, it captured only one
-- of them, or its answer was for another charge.
SELECT transaction_id, COUNT(*) AS charges, MIN(order_id) AS one_order, MAX(order_id) AS another
FROM payments
WHERE transaction_id IS NOT NULL AND method = 'gateway'
GROUP BY transaction_id
HAVING COUNT(*) > 1
