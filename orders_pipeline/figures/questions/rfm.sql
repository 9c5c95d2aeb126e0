-- RFM: recency, frequency and monetary value
-- The customers who spent most, with scores from 1 to 5 (best) among all customers of the currency. Days are
-- counted up to the latest day with orders.
WITH totals AS (
    SELECT
        customer_id,
        currency,
        (SELECT max(day) FROM orders) - max(day) AS days_since_last_order,
        count(*) AS orders,
        sum(total - refunded) AS net_spent
    FROM orders
    WHERE status = 'completed' AND customer_id IS NOT NULL
    GROUP BY customer_id, currency
),

scores AS (
    SELECT
        customer_id,
        currency,
        days_since_last_order,
        orders,
        net_spent,
        ntile(5) OVER (PARTITION BY currency ORDER BY days_since_last_order DESC, customer_id) AS recency,
        ntile(5) OVER (PARTITION BY currency ORDER BY orders, customer_id) AS frequency,
        ntile(5) OVER (PARTITION BY currency ORDER BY net_spent, customer_id) AS monetary,
        row_number() OVER (PARTITION BY currency ORDER BY net_spent DESC, customer_id) AS place
    FROM totals
)

SELECT
    customer_id,
    currency,
    days_since_last_order,
    orders,
    net_spent,
    recency,
    frequency,
    monetary
FROM scores
WHERE place <= 100
ORDER BY currency, place;
