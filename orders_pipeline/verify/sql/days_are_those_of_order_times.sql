-- The KPI day of an order or a return is the day of its time, in the time zone of the store.
SELECT day, MIN(ordered_at) AS earliest, MAX(ordered_at) AS latest
FROM (SELECT day, ordered_at FROM orders UNION ALL SELECT day, returned_at FROM returns) times
GROUP BY day
