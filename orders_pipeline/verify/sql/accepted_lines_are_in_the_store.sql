-- Each batch has as many lines as were accepted, and their products, units and amounts have the checksum with which they
-- were loaded. The amounts and recorded payments of its orders are part of it. imports/loading/checksum.py explains it.
SELECT b.import_id, b.number, b.accepted_lines, COALESCE(SUM(s.lines), 0) AS stored_lines, b.checksum,
       COALESCE(SUM(s.checksum), 0) AS stored_checksum
FROM batches b
LEFT JOIN (
    SELECT b.import_id, b.number, COUNT(*) AS lines,
           SUM(((l.order_id * 31 + l.line) % 65521 + 1)
               * (l.product_id % 65521 * 7 + l.quantity % 65521 * 11 + l.total % 65521 * 13
                  + l.discount % 65521 * 17)) AS checksum
    FROM batches b
    JOIN order_lines l ON l.order_id BETWEEN b.first_order_id AND b.first_order_id + b.orders - 1
    GROUP BY b.import_id, b.number
    UNION ALL
    SELECT b.import_id, b.number, 0, SUM((a.order_id * 31 % 65521 + 1) * (ABS(a.amount) % 65521 * 19))
    FROM batches b
    JOIN order_amounts a ON a.order_id BETWEEN b.first_order_id AND b.first_order_id + b.orders - 1
    GROUP BY b.import_id, b.number
    UNION ALL
    SELECT b.import_id, b.number, 0, SUM((r.order_id * 31 % 65521 + 1) * (r.paid % 65521 * 23))
    FROM batches b
    JOIN recorded_payments r ON r.order_id BETWEEN b.first_order_id AND b.first_order_id + b.orders - 1
    GROUP BY b.import_id, b.number
) s ON s.import_id = b.import_id AND s.number = b.number
GROUP BY b.import_id, b.number, b.accepted_lines, b.checksum
HAVING b.accepted_lines <> COALESCE(SUM(s.lines), 0) OR b.checksum <> COALESCE(SUM(s.checksum), 0)
