-- Payouts of providers, and their matching bank lines.
-- A payout matches the bank lines that contain its reference, even those by which the bank sends it back. If there are
-- none, it matches a line with the same amount and currency that names the provider and was booked in the days after
-- it, but only if neither of the two has another possible match: `is_open` is 1 for ambiguous matches.
WITH sums AS (
    SELECT payout_id, MAX(booked_at) AS booked_at,
        SUM(CASE WHEN kind = 'payout' THEN -gross ELSE 0 END) AS stated,
        -- With the fee of the payout itself, which does not reach the bank.
        SUM(CASE WHEN kind = 'payout' THEN -net ELSE 0 END) AS drawn,
        SUM(CASE WHEN kind = 'payout' THEN 0 ELSE net END) AS net,
        SUM(CASE WHEN kind = 'payout' THEN 1 ELSE 0 END) AS statements,
        SUM(CASE WHEN kind = 'payout' THEN 0 ELSE 1 END) AS lines
    FROM payout_lines
    WHERE payout_id IS NOT NULL
    GROUP BY payout_id
),
paid AS (
    SELECT p.id, p.provider, p.reference, p.currency, p.reference_key, p.bank_reference_key,
        COALESCE(p.paid_at, s.booked_at) AS at, s.net, s.stated, s.drawn, s.statements, s.lines,
        CASE WHEN s.statements > 0 THEN s.stated ELSE s.net END AS due
    FROM payouts p
    JOIN sums s ON s.payout_id = p.id
),
named AS (
    SELECT p.id AS payout, b.id AS bank
    FROM paid p
    JOIN bank_references r ON r.reference = p.reference_key
    JOIN bank_lines b ON b.id = r.bank_line_id AND b.currency = p.currency
    WHERE p.due <> 0
    UNION
    SELECT p.id, b.id
    FROM paid p
    JOIN bank_references r ON r.reference = p.bank_reference_key
    JOIN bank_lines b ON b.id = r.bank_line_id AND b.currency = p.currency
    WHERE p.due <> 0
),
fitting AS (
    SELECT p.id AS payout, b.id AS bank
    FROM paid p
    JOIN bank_lines b ON b.currency = p.currency AND b.amount = p.due AND b.sender = p.provider
        AND b.booked_at BETWEEN p.at - :day AND p.at + :window
    WHERE p.due <> 0
        AND NOT EXISTS (SELECT 1 FROM named WHERE named.payout = p.id)
        AND NOT EXISTS (SELECT 1 FROM named WHERE named.bank = b.id)
),
candidates AS (
    SELECT payout, bank, CASE WHEN COUNT(*) OVER (PARTITION BY bank) > 1 THEN 1 ELSE 0 END AS is_open
    FROM named
    UNION ALL
    SELECT payout, bank,
        CASE WHEN COUNT(*) OVER (PARTITION BY bank) > 1 OR COUNT(*) OVER (PARTITION BY payout) > 1
            THEN 1 ELSE 0 END
    FROM fitting
)
