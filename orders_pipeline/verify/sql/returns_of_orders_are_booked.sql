-- Each return of a finished import that names an order is booked as a refund of that order, with its units, and its
-- amount if the file has one for each line.
SELECT i.partition_key, r.number, r.order_number, r.amount, r.units, f.amount AS refunded, b.units AS refunded_units
FROM (
    SELECT import_id, source_id, number, order_number, SUM(amount) AS amount, SUM(quantity) AS units,
           MIN(booked_at) AS booked_at, COUNT(*) - COUNT(amount) AS unpriced
    FROM order_returns
    GROUP BY import_id, source_id, number, order_number
) r
JOIN imports i ON i.id = r.import_id
JOIN sources s ON s.id = r.source_id
LEFT JOIN refunds f ON f.request_key = 'return:' || s.name || '/' || r.number
LEFT JOIN orders o ON o.id = f.order_id AND o.source_id = r.source_id
LEFT JOIN (SELECT refund, SUM(quantity) AS units FROM refund_lines GROUP BY refund) b ON b.refund = f.id
WHERE i.status = 'finished'
  AND (r.booked_at IS NULL OR f.id IS NULL OR o.number IS NULL OR o.number <> r.order_number
       OR (r.unpriced = 0 AND f.amount <> r.amount) OR b.units IS NULL OR b.units <> r.units)
