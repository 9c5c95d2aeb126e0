-- Each accepted line of a provider's report or bank statement is in the store.
SELECT f.file_name AS file, f.accepted, COALESCE(p.lines, 0) + COALESCE(b.lines, 0) AS stored
FROM settlement_files f
LEFT JOIN (SELECT file_id, COUNT(*) AS lines FROM payout_lines GROUP BY file_id) p ON p.file_id = f.id
LEFT JOIN (SELECT file_id, COUNT(*) AS lines FROM bank_lines GROUP BY file_id) b ON b.file_id = f.id
WHERE f.accepted <> COALESCE(p.lines, 0) + COALESCE(b.lines, 0)
