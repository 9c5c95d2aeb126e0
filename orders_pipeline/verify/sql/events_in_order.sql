-- No event of an order is recorded twice, or after one of a later attempt.
SELECT a.order_id, a.id AS event, a.type, a.attempt, b.id AS later_event, b.attempt AS later_attempt
FROM events a
JOIN events b ON b.order_id = a.order_id AND b.id > a.id
WHERE a.type LIKE 'order.%' AND b.type LIKE 'order.%'
  AND a.type <> 'order.refunded' AND b.type <> 'order.refunded'
  AND (b.attempt < a.attempt OR (b.attempt = a.attempt AND b.type = a.type))
