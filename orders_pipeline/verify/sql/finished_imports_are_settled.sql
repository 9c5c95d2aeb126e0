-- Every order of a finished import is completed, rolled back or failed.
SELECT i.partition_key, o.status, COUNT(*) AS orders
FROM imports i
JOIN orders o ON o.import_id = i.id
WHERE i.status = 'finished' AND o.status IN ('pending', 'reserved', 'payment_processing')
GROUP BY i.partition_key, o.status
