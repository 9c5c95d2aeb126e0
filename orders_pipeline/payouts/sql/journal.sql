-- Entries of the journal: the names of the debited and credited accounts. Runs after payout_ties.sql.
, entries AS (
    SELECT COALESCE(a.settled_at, p.answered_at) AS at, 1 AS place, p.order_id AS id,
        'provider' AS debit, 'sales' AS credit, p.amount, o.currency, s.name AS source, o.number AS reference,
        'payment' AS what
    FROM payments p
    JOIN orders o ON o.id = p.order_id
    JOIN sources s ON s.id = o.source_id
    LEFT JOIN authorizations a ON a.order_id = p.order_id AND a.attempt = p.attempt AND a.status = 'captured'
    WHERE p.status = 'succeeded' AND p.method = 'gateway'
    UNION ALL
    SELECT r.settled_at, 2, r.id, CASE r.kind WHEN 'dispute' THEN 'disputes' ELSE 'refunds' END, 'provider',
        r.amount, o.currency, s.name, o.number, r.kind
    FROM refunds r
    JOIN payments p ON p.order_id = r.order_id AND p.attempt = r.attempt AND p.method = 'gateway'
    JOIN orders o ON o.id = r.order_id
    JOIN sources s ON s.id = o.source_id
    WHERE r.status = 'completed' AND (r.method = 'gateway' OR r.kind = 'dispute'
        OR EXISTS (SELECT 1 FROM payout_lines l WHERE l.source_ref = r.transaction_id AND l.kind = 'refund'))
    UNION ALL
    SELECT booked_at, 3, id, 'fees', 'provider', fee + CASE kind WHEN 'fee' THEN -gross ELSE 0 END, currency,
        provider, line_key, 'fee'
    FROM payout_lines
    UNION ALL
    SELECT booked_at, 4, id, 'provider', 'other', gross, currency, provider, line_key, 'other'
    FROM payout_lines
    WHERE kind = 'other'
    UNION ALL
    SELECT booked_at, 5, id, 'conversion', 'provider', amount, amount_currency, provider, line_key, 'conversion'
    FROM payout_lines
    WHERE amount_currency <> currency
    UNION ALL
    SELECT booked_at, 6, id, 'provider', 'conversion', gross, currency, provider, line_key, 'conversion'
    FROM payout_lines
    WHERE amount_currency <> currency
    UNION ALL
    SELECT at, 7, id, 'transit', 'provider', due, currency, provider, reference, 'payout' FROM paid
    UNION ALL
    SELECT b.booked_at, 8, b.id, 'bank', 'transit', b.amount, b.currency, MIN(p.provider), MIN(p.reference),
        'arrival'
    FROM candidates c
    JOIN bank_lines b ON b.id = c.bank
    JOIN paid p ON p.id = c.payout
    WHERE c.is_open = 0
    GROUP BY b.booked_at, b.id, b.amount, b.currency
)
SELECT at, debit, credit, amount, currency, source, reference, what
FROM entries
WHERE at BETWEEN :first AND :last AND amount <> 0 AND (:currency IS NULL OR currency = :currency)
ORDER BY at, place, id
