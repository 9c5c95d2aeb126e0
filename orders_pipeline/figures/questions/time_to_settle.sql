-- Time to settle
-- Seconds from the load of an order to its settlement, by month of the order and outcome.
SELECT
    date_trunc('month', day)::DATE AS month,
    currency,
    status,
    count(*) AS orders,
    round(percentile_disc(0.5) WITHIN GROUP (
        ORDER BY extract(EPOCH FROM settled_at - loaded_at)
    )::DECIMAL(18, 2), 2) AS median_seconds,
    round(percentile_disc(0.95) WITHIN GROUP (
        ORDER BY extract(EPOCH FROM settled_at - loaded_at)
    )::DECIMAL(18, 2), 2) AS p95_seconds
FROM orders
WHERE settled_at IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
