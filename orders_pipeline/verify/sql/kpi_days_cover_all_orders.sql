-- Each day with orders, returns or refunds is a KPI day, so that its figures are published. A KPI day is due for a
-- refresh if, and only if, its version is newer than the published one.
SELECT o.day, NULL AS version, NULL AS published, NULL AS due_since
FROM (
    SELECT day FROM orders
    UNION
    SELECT day FROM returns
    UNION
    SELECT day FROM refunds WHERE day IS NOT NULL
) o
WHERE NOT EXISTS (SELECT 1 FROM kpi_days k WHERE k.day = o.day)
UNION ALL
SELECT day, version, published, due_since
FROM kpi_days
WHERE published > version OR (published < version) <> (due_since IS NOT NULL)
