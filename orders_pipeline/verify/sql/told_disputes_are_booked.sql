-- A dispute that the gateway reported is booked, and reversed if it was won, unless its event still waits.
SELECT e.id AS event, e.type, e.subject AS dispute, e.status, r.status AS booked
FROM gateway_events e
LEFT JOIN refunds r ON r.request_key = 'dispute:' || e.subject AND r.kind = 'dispute'
WHERE e.type IN ('dispute.opened', 'dispute.won')
  AND (e.status = 'ignored'
       OR (e.status = 'applied' AND (r.id IS NULL OR (e.type = 'dispute.won' AND r.status <> 'failed'))))
