-- Sales by week
-- Revenue, refunds and orders of each week; weeks begin on Monday.
SELECT
    date_trunc('week', day)::DATE AS week,
    currency,
    sum(order_count)::BIGINT AS orders,
    sum(total_revenue) AS revenue,
    sum(refunded) AS refunded,
    sum(net_revenue) AS net_revenue,
    sum(units_sold) AS units
FROM daily_kpis
GROUP BY 1, 2
ORDER BY 1, 2;
