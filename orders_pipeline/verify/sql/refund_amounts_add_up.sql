-- A refund is the sum of its lines and of what is for no line; a refund of an amount alone has no lines.
SELECT r.refund_id, r.amount, r.shipping, b.lines
FROM refunds r
JOIN (
    SELECT refund, SUM(amount) AS lines
    FROM refund_lines
    GROUP BY refund
) b ON b.refund = r.id
WHERE r.amount <> r.shipping + b.lines
