-- A dispute that the gateway told of is booked, and reversed if it was won, unless its event still waits. It is booked
-- for the charge that the event names; bodies with escaped characters are not compared.
SELECT e.id AS event, e.type, e.subject AS dispute, e.status, r.status AS booked
FROM gateway_events e
LEFT JOIN refunds r ON r.request_key = 'dispute:' || e.subject AND r.kind = 'dispute'
LEFT JOIN payments p ON p.order_id = r.order_id AND p.attempt = r.attempt
WHERE e.type IN ('dispute.opened', 'dispute.won')
  AND (e.status = 'ignored'
       OR (e.status = 'applied'
           AND (r.id IS NULL OR (e.type = 'dispute.won' AND r.status <> 'failed')
                OR (REPLACE(e.body, '"' || p.transaction_id || '"', '') = e.body
                    AND REPLACE(e.body, '\', '') = e.body))))
