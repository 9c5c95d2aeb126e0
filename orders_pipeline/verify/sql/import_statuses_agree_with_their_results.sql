-- A finished import has the time at which its last order was settled, and no other has one. An import that is staged
-- or refused has no batches.
SELECT i.partition_key, i.status, i.settled_at, COUNT(b.number) AS batches
FROM imports i
LEFT JOIN batches b ON b.import_id = i.id
GROUP BY i.partition_key, i.status, i.settled_at
HAVING (i.status = 'finished') <> (i.settled_at IS NOT NULL)
    OR (i.status IN ('staged', 'refused') AND COUNT(b.number) > 0)
