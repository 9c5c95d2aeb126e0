-- Sales by month
-- Revenue, refunds, orders and average order value of each month, and the revenue of the month before.
WITH months AS (
    SELECT
        date_trunc('month', day)::DATE AS month,
        currency,
        sum(order_count)::BIGINT AS orders,
        sum(total_revenue) AS revenue,
        sum(refunded) AS refunded,
        sum(net_revenue) AS net_revenue
    FROM daily_kpis
    GROUP BY 1, 2
)

SELECT
    month,
    currency,
    orders,
    revenue,
    refunded,
    net_revenue,
    round(revenue / nullif(orders, 0), 2) AS average_order_value,
    sum(revenue) OVER (
        PARTITION BY currency
        ORDER BY month
        RANGE BETWEEN INTERVAL '1 month' PRECEDING AND INTERVAL '1 month' PRECEDING
    ) AS revenue_of_month_before
FROM months
ORDER BY 1, 2;
