-- Payments, refunds and disputes, from the store and from the reports of providers, each with its state.
-- A line is matched to a payment, refund or dispute only by the provider's ids, and only in the same currency.
WITH ours AS (
    SELECT 'payment' AS subject, p.order_id, p.attempt, 0 AS refund, o.currency, p.amount AS ours,
        COALESCE(a.settled_at, p.answered_at) AS at,
        p.transaction_id AS reference, a.transaction_id AS other_reference, TRUE AS is_expected
    FROM payments p
    JOIN orders o ON o.id = p.order_id
    LEFT JOIN authorizations a ON a.order_id = p.order_id AND a.attempt = p.attempt AND a.status = 'captured'
    WHERE p.status = 'succeeded' AND p.method = 'gateway'
    UNION ALL
    SELECT r.kind, r.order_id, r.attempt, r.id, o.currency,
        CASE WHEN r.status = 'completed' THEN r.amount ELSE 0 END,
        COALESCE(r.settled_at, r.requested_at),
        r.transaction_id, NULL, r.status = 'completed' AND (r.method = 'gateway' OR r.kind = 'dispute')
    FROM refunds r
    JOIN orders o ON o.id = r.order_id
    JOIN payments p ON p.order_id = r.order_id AND p.attempt = r.attempt AND p.method = 'gateway'
),
lines AS (
    SELECT id,
        CASE kind WHEN 'charge' THEN 'payment' WHEN 'refund_reversed' THEN 'refund'
            WHEN 'dispute_reversed' THEN 'dispute' ELSE kind END AS subject,
        CASE kind WHEN 'charge' THEN amount ELSE -amount END AS amount,
        amount_currency AS currency, payment_ref, source_ref, booked_at, payout_id
    FROM payout_lines
    WHERE kind IN ('charge', 'refund', 'refund_reversed', 'dispute', 'dispute_reversed')
),
our_references AS (
    SELECT subject, order_id, attempt, refund, currency, reference FROM ours WHERE reference IS NOT NULL
    UNION
    SELECT subject, order_id, attempt, refund, currency, other_reference FROM ours
    WHERE other_reference IS NOT NULL
),
line_references AS (
    SELECT id, subject, currency, source_ref AS reference FROM lines WHERE source_ref IS NOT NULL
    UNION
    SELECT id, subject, currency, payment_ref FROM lines WHERE subject = 'payment' AND payment_ref IS NOT NULL
),
ties AS (
    SELECT DISTINCT l.id AS line, o.subject, o.order_id, o.attempt, o.refund
    FROM line_references l
    JOIN our_references o ON o.reference = l.reference AND o.subject = l.subject AND o.currency = l.currency
),
owned AS (
    SELECT ties.*, COUNT(*) OVER (PARTITION BY line) AS owners FROM ties
),
reported AS (
    SELECT t.subject, t.order_id, t.attempt, t.refund, SUM(CASE WHEN t.owners > 1 THEN 0 ELSE l.amount END) AS theirs,
        SUM(CASE WHEN l.amount > 0 THEN 1 WHEN l.amount < 0 THEN -1 ELSE 0 END) AS times,
        MIN(l.booked_at) AS booked_at, MAX(t.owners) AS owners, MIN(l.id) AS line,
        SUM(CASE WHEN l.payout_id IS NULL THEN 1 ELSE 0 END) AS unpaid
    FROM owned t
    JOIN lines l ON l.id = t.line
    GROUP BY t.subject, t.order_id, t.attempt, t.refund
),
items AS (
    SELECT o.subject, o.order_id, o.refund, o.currency, o.ours, COALESCE(r.theirs, 0) AS theirs, o.at,
        o.reference, r.line,
        CASE
            WHEN r.line IS NULL AND o.at + :window <= :covered THEN 'missing'
            WHEN r.line IS NULL AND o.at + :window < :now THEN 'late'
            WHEN r.line IS NULL THEN 'pending'
            WHEN r.owners > 1 THEN 'ambiguous'
            WHEN r.theirs <> o.ours AND r.times > 1 THEN 'twice'
            WHEN r.theirs <> o.ours THEN 'off'
            WHEN r.booked_at > o.at + :window THEN 'late'
            WHEN r.unpaid > 0 AND r.booked_at + :window < :now THEN 'late'
            WHEN r.unpaid > 0 THEN 'pending'
            ELSE 'ok'
        END AS state
    FROM ours o
    LEFT JOIN reported r ON r.subject = o.subject AND r.order_id = o.order_id AND r.attempt = o.attempt
        AND r.refund = o.refund
    WHERE (o.is_expected OR r.line IS NOT NULL)
        AND (o.at BETWEEN :first AND :last OR (r.line IS NOT NULL AND :everything = 1))
    UNION ALL
    SELECT l.subject, NULL, NULL, l.currency, 0, l.amount, l.booked_at, COALESCE(l.source_ref, l.payment_ref),
        l.id, CASE WHEN t.line IS NULL THEN 'unknown' ELSE 'ambiguous' END
    FROM lines l
    LEFT JOIN (SELECT line, MAX(owners) AS owners FROM owned GROUP BY line) t ON t.line = l.id
    WHERE l.booked_at BETWEEN :first AND :last AND (t.line IS NULL OR t.owners > 1)
),
counted AS (
    SELECT items.*,
        COUNT(*) OVER (PARTITION BY subject, state, currency) AS number,
        SUM(ours) OVER (PARTITION BY subject, state, currency) AS sum_ours,
        SUM(theirs) OVER (PARTITION BY subject, state, currency) AS sum_theirs,
        ROW_NUMBER() OVER (PARTITION BY subject, state, currency ORDER BY at, order_id, line) AS place
    FROM items
)
SELECT c.subject, c.state, c.currency, c.number, c.sum_ours, c.sum_theirs, c.place, c.ours, c.theirs, c.at,
    c.reference, o.number AS "order", s.name AS source, r.refund_id, p.reference AS payout,
    l.line_key AS line, f.file_name AS file, l.file_line
FROM counted c
LEFT JOIN orders o ON o.id = c.order_id
LEFT JOIN sources s ON s.id = o.source_id
LEFT JOIN refunds r ON r.id = c.refund
LEFT JOIN payout_lines l ON l.id = c.line
LEFT JOIN payouts p ON p.id = l.payout_id
LEFT JOIN settlement_files f ON f.id = l.file_id
WHERE c.place <= :examples
ORDER BY c.currency, c.subject, c.state, c.place
