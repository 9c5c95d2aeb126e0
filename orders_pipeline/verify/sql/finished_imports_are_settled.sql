-- Each batch of a finished import is loaded completely, and each of its orders is authorized, completed, rolled back
-- or failed.
SELECT i.partition_key, b.number, b.orders, b.loaded, o.status
FROM imports i
JOIN batches b ON b.import_id = i.id
LEFT JOIN orders o ON o.import_id = i.id AND o.batch = b.number
                   AND o.status IN ('pending', 'reserved', 'payment_processing')
WHERE i.status = 'finished' AND (b.loaded <> b.orders OR o.status IS NOT NULL)
