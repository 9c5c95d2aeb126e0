-- A dispute that the gateway reported is booked for the charge that the event names, and reversed if it was won, unless
-- its event still waits. Bodies with escaped characters are not compared.
WITH booked AS (
    SELECT r.status, r.transaction_id AS dispute, p.transaction_id AS charge
    FROM refunds r
    JOIN payments p ON p.order_id = r.order_id AND p.attempt = r.attempt
    WHERE r.kind = 'dispute'
)
SELECT e.id AS event, e.type, e.subject AS dispute, e.status, MAX(b.status) AS booked
FROM gateway_events e
LEFT JOIN booked b ON b.dispute = e.subject
WHERE e.type IN ('dispute.opened', 'dispute.won') AND e.status <> 'waiting'
GROUP BY e.id, e.type, e.subject, e.status
HAVING e.status = 'ignored'
    OR MAX(CASE
        WHEN b.dispute IS NULL OR (e.type = 'dispute.won' AND b.status <> 'failed') THEN 0
        WHEN REPLACE(e.body, '"' || b.charge || '"', '') <> e.body OR REPLACE(e.body, '\', '') <> e.body THEN 1
        ELSE 0
    END) = 0
