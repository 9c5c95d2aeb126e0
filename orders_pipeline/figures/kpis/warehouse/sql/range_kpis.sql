-- Figures of the days in `daily_kpis`, one row per currency. Each customer is counted once. The caller computes the
-- average order value, because it needs the decimals of the currency.

WITH
days AS (SELECT * FROM daily_kpis WHERE day BETWEEN $start AND $end AND currency = $currency),
declined AS (
    SELECT entry.key AS reason, sum(entry.value)::BIGINT AS payments
    FROM (SELECT unnest(map_entries(declines_by_reason)) AS entry FROM days)
    GROUP BY reason
),
buyers AS (
    SELECT count(DISTINCT customer_id) AS unique_customers
    FROM customer_sales_by_day
    WHERE order_count > 0 AND day BETWEEN $start AND $end AND currency = $currency
),
settled AS (
    SELECT hundredths, sum(orders) AS orders
    FROM settle_times_by_day
    WHERE day BETWEEN $start AND $end AND currency = $currency
    GROUP BY hundredths
),
ranked AS (
    SELECT hundredths, sum(orders) OVER (ORDER BY hundredths) AS so_far, sum(orders) OVER () AS settled
    FROM settled
),
settle_times AS (
    SELECT
        min(hundredths) FILTER (2 * so_far >= settled) AS median,
        min(hundredths) FILTER (20 * so_far >= 19 * settled) AS p95
    FROM ranked
),
summed AS (
    SELECT
        coalesce(sum(total_revenue), 0)::DECIMAL(30, 4) AS total_revenue,
        coalesce(sum(gross_sales), 0)::DECIMAL(30, 4) AS gross_sales,
        coalesce(sum(discounts), 0)::DECIMAL(30, 4) AS discounts,
        coalesce(sum(shipping), 0)::DECIMAL(30, 4) AS shipping,
        coalesce(sum(tax), 0)::DECIMAL(30, 4) AS tax,
        coalesce(sum(fees), 0)::DECIMAL(30, 4) AS fees,
        coalesce(sum(tips), 0)::DECIMAL(30, 4) AS tips,
        coalesce(sum(unexplained), 0)::DECIMAL(30, 4) AS unexplained,
        coalesce(sum(rounding), 0)::DECIMAL(30, 4) AS rounding,
        coalesce(sum(tax_included), 0)::DECIMAL(30, 4) AS tax_included,
        coalesce(sum(recorded_revenue), 0)::DECIMAL(30, 4) AS recorded_revenue,
        coalesce(sum(refunded), 0)::DECIMAL(30, 4) AS refunded,
        coalesce(sum(refund_count), 0)::BIGINT AS refund_count,
        coalesce(sum(net_revenue), 0)::DECIMAL(30, 4) AS net_revenue,
        coalesce(sum(refunded_of_orders), 0)::DECIMAL(30, 4) AS refunded_of_orders,
        coalesce(sum(disputed), 0)::DECIMAL(30, 4) AS disputed,
        coalesce(sum(dispute_fees), 0)::DECIMAL(30, 4) AS dispute_fees,
        coalesce(sum(order_count), 0)::BIGINT AS order_count,
        coalesce(sum(new_customers), 0)::BIGINT AS new_customers,
        coalesce(sum(units_sold), 0)::DECIMAL(30, 3) AS units_sold,
        coalesce(sum(orders_received), 0)::BIGINT AS orders_received,
        coalesce(sum(orders_failed), 0)::BIGINT AS orders_failed,
        coalesce(sum(orders_rolled_back), 0)::BIGINT AS orders_rolled_back,
        coalesce(sum(payments_declined), 0)::BIGINT AS payments_declined,
        coalesce(sum(out_of_stock_orders), 0)::BIGINT AS out_of_stock_orders,
        coalesce(sum(out_of_stock_revenue), 0)::DECIMAL(30, 4) AS out_of_stock_revenue
    FROM days
)
SELECT
    total_revenue,
    gross_sales,
    discounts,
    shipping,
    tax,
    fees,
    tips,
    unexplained,
    rounding,
    tax_included,
    recorded_revenue,
    refunded,
    refund_count,
    net_revenue,
    refunded_of_orders,
    disputed,
    dispute_fees,
    order_count,
    0::DECIMAL(30, 4) AS average_order_value,
    unique_customers,
    new_customers,
    unique_customers - new_customers AS returning_customers,
    units_sold,
    orders_received,
    orders_failed,
    orders_rolled_back,
    payments_declined,
    share(order_count, order_count + payments_declined) AS payment_success_rate,
    coalesce((SELECT map(list(reason ORDER BY reason), list(payments ORDER BY reason)) FROM declined), MAP {})
        AS declines_by_reason,
    out_of_stock_orders,
    out_of_stock_revenue,
    seconds(median) AS median_seconds_to_settle,
    seconds(p95) AS p95_seconds_to_settle
FROM summed, buyers, settle_times;
