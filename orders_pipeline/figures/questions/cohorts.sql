-- Cohorts
-- Customers by the month of their first order: how many of them bought in each later month, and for how much.
WITH bought AS (
    SELECT
        customer_id,
        currency,
        date_trunc('month', day)::DATE AS month,
        total
    FROM orders
    WHERE status = 'completed' AND customer_id IS NOT NULL
),

firsts AS (
    SELECT
        customer_id,
        currency,
        min(month) AS cohort
    FROM bought
    GROUP BY customer_id, currency
),

sizes AS (
    SELECT
        cohort,
        currency,
        count(*) AS customers
    FROM firsts
    GROUP BY cohort, currency
),

later AS (
    SELECT
        firsts.cohort,
        bought.currency,
        ((extract(YEAR FROM bought.month) - extract(YEAR FROM firsts.cohort)) * 12
            + extract(MONTH FROM bought.month) - extract(MONTH FROM firsts.cohort))::BIGINT AS months_later,
        count(DISTINCT bought.customer_id) AS active_customers,
        count(*) AS orders,
        sum(bought.total) AS revenue
    FROM bought
    INNER JOIN firsts ON firsts.customer_id = bought.customer_id AND firsts.currency = bought.currency
    GROUP BY 1, 2, 3
)

SELECT
    later.cohort,
    later.currency,
    later.months_later,
    sizes.customers,
    later.active_customers,
    round(1.0 * later.active_customers / sizes.customers, 4) AS share_active,
    later.orders,
    later.revenue
FROM later
INNER JOIN sizes ON sizes.cohort = later.cohort AND sizes.currency = later.currency
ORDER BY 1, 2, 3;
