-- No line of an order has more units refunded than it has.
SELECT o.number, l.line, l.quantity, back.units
FROM (
    SELECT r.order_id, b.line, SUM(b.quantity) AS units
    FROM refunds r
    JOIN refund_lines b ON b.refund = r.id
    WHERE r.status IN ('pending', 'processing', 'completed')
    GROUP BY r.order_id, b.line
) back
JOIN orders o ON o.id = back.order_id
LEFT JOIN order_lines l ON l.order_id = back.order_id AND l.line = back.line
WHERE l.quantity IS NULL OR back.units > l.quantity
