-- An order's id is in the range of ids that its batch was given.
SELECT o.number, o.id, o.import_id, o.batch, b.first_order_id, b.orders
FROM orders o
JOIN batches b ON b.import_id = o.import_id AND b.number = o.batch
WHERE o.id < b.first_order_id OR o.id >= b.first_order_id + b.orders
