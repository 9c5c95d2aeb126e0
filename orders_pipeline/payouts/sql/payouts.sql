-- Payouts and bank lines, each with its state. Runs after payout_ties.sql.
-- A payout is missing only if statements cover its days on each account of its currency on which payouts of its
-- provider arrive; on each account of its currency, if none of them arrived yet. A few days between statements are
-- no gap, as banks write none for days without entries.
, statements AS (
    SELECT account, currency, first_at, last_at,
        MAX(last_at) OVER (PARTITION BY account, currency ORDER BY first_at, last_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM bank_coverage
),
stretches AS (
    SELECT account, currency, first_at, last_at,
        SUM(CASE WHEN first_at <= before + :window THEN 0 ELSE 1 END)
            OVER (PARTITION BY account, currency ORDER BY first_at, last_at ROWS UNBOUNDED PRECEDING) AS stretch
    FROM statements
),
covered AS (
    SELECT account, currency, MIN(first_at) AS first_at, MAX(last_at) AS last_at
    FROM stretches
    GROUP BY account, currency, stretch
),
receiving AS (
    SELECT sender AS provider, account, currency FROM bank_lines WHERE sender IS NOT NULL
    UNION
    SELECT p.provider, b.account, b.currency
    FROM candidates c
    JOIN paid p ON p.id = c.payout
    JOIN bank_lines b ON b.id = c.bank
),
awaited AS (
    SELECT p.id AS payout, p.at, a.account, a.currency
    FROM paid p
    JOIN (SELECT DISTINCT account, currency FROM bank_coverage) a ON a.currency IN (p.currency, '')
    LEFT JOIN receiving r ON r.provider = p.provider AND r.currency = p.currency AND r.account = a.account
    WHERE r.account IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM receiving o WHERE o.provider = p.provider AND o.currency = p.currency)
),
looked_for AS (
    SELECT w.payout
    FROM awaited w
    LEFT JOIN covered k ON k.account = w.account AND k.currency = w.currency
        AND w.at >= k.first_at AND w.at + :window <= k.last_at
    GROUP BY w.payout
    HAVING COUNT(*) = COUNT(k.account)
),
arrived AS (
    SELECT c.payout, SUM(b.amount) AS banked,
        SUM(CASE WHEN b.amount > 0 THEN 1 ELSE -1 END) * MAX(CASE WHEN p.due > 0 THEN 1 ELSE -1 END) AS times,
        MIN(b.booked_at) AS booked_at, MIN(b.id) AS bank, MAX(c.is_open) AS is_open
    FROM candidates c
    JOIN bank_lines b ON b.id = c.bank
    JOIN paid p ON p.id = c.payout
    GROUP BY c.payout
),
reported AS (
    SELECT provider, MAX(booked_at) AS last_at FROM payout_lines GROUP BY provider
),
items AS (
    SELECT 'payout' AS subject, p.id AS payout, p.currency, p.due AS ours,
        CASE WHEN a.is_open = 1 THEN 0 ELSE COALESCE(a.banked, 0) END AS theirs, p.at, a.bank,
        CASE
            WHEN p.due = 0 THEN 'ok'
            WHEN a.bank IS NULL AND l.payout IS NOT NULL THEN 'missing'
            WHEN a.bank IS NULL AND p.at + :window < :now THEN 'late'
            WHEN a.bank IS NULL THEN 'pending'
            WHEN a.is_open = 1 THEN 'ambiguous'
            WHEN a.banked = 0 THEN 'missing'
            WHEN a.banked <> p.due AND a.times > 1 THEN 'twice'
            WHEN a.banked <> p.due THEN 'off'
            WHEN a.booked_at > p.at + :window THEN 'late'
            ELSE 'ok'
        END AS state
    FROM paid p
    LEFT JOIN arrived a ON a.payout = p.id
    LEFT JOIN looked_for l ON l.payout = p.id
    WHERE p.at BETWEEN :first AND :last
    UNION ALL
    SELECT 'payout_lines', p.id, p.currency, p.drawn, p.net, p.at, NULL,
        CASE WHEN p.lines = 0 THEN 'missing' ELSE 'off' END
    FROM paid p
    WHERE p.statements > 0 AND p.drawn <> p.net AND p.at BETWEEN :first AND :last
    UNION ALL
    SELECT 'bank_line', NULL, b.currency, 0, b.amount, b.booked_at, b.id,
        CASE
            WHEN c.bank IS NOT NULL THEN 'ambiguous'
            WHEN b.booked_at > COALESCE(k.last_at, :covered) THEN 'pending'
            ELSE 'unknown'
        END
    FROM bank_lines b
    LEFT JOIN reported k ON k.provider = b.sender
    LEFT JOIN (SELECT bank, MAX(is_open) AS is_open FROM candidates GROUP BY bank) c ON c.bank = b.id
    WHERE b.booked_at BETWEEN :first AND :last AND (c.bank IS NULL OR c.is_open = 1)
),
counted AS (
    SELECT items.*,
        COUNT(*) OVER (PARTITION BY subject, state, currency) AS number,
        SUM(ours) OVER (PARTITION BY subject, state, currency) AS sum_ours,
        SUM(theirs) OVER (PARTITION BY subject, state, currency) AS sum_theirs,
        ROW_NUMBER() OVER (PARTITION BY subject, state, currency ORDER BY at, payout, bank) AS place
    FROM items
)
SELECT c.subject, c.state, c.currency, c.number, c.sum_ours, c.sum_theirs, c.place, c.ours, c.theirs, c.at,
    p.provider, p.reference AS payout, b.text AS bank_text, f.file_name AS file, b.file_line
FROM counted c
LEFT JOIN payouts p ON p.id = c.payout
LEFT JOIN bank_lines b ON b.id = c.bank
LEFT JOIN settlement_files f ON f.id = b.file_id
WHERE c.place <= :examples
ORDER BY c.currency, c.subject, c.state, c.place
