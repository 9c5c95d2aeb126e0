-- The ranges of ids of all batches follow each other without a gap, from 1 to the next id that the store will give.
SELECT import_id, number, first_order_id, orders, ends_before
FROM (
    SELECT b.import_id, b.number, b.first_order_id, b.orders,
           LEAD(b.first_order_id, 1, h.next_order_id) OVER (ORDER BY b.first_order_id, b.orders) AS ends_before
    FROM batches b
    CROSS JOIN home h
    UNION ALL
    SELECT 0, 0, 1, 0, COALESCE(MIN(b.first_order_id), h.next_order_id)
    FROM home h
    LEFT JOIN batches b ON TRUE
    GROUP BY h.next_order_id
) ranges
WHERE first_order_id + orders <> ends_before
