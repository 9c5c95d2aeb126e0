-- Replaces the rows of the days in `refreshed_days` by rows computed from the views of facts.
-- `minor_units(currency, unit)` holds the value of each currency's minor unit.

DELETE FROM customer_sales_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM product_sales_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM settle_times_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM daily_kpis WHERE day IN (SELECT day FROM refreshed_days);

INSERT INTO customer_sales_by_day BY NAME
SELECT
    day::DATE AS day,
    currency,
    customer_id,
    count(*) AS order_count,
    sum(total)::DECIMAL(24, 0) * any_value(unit) AS total_spent
FROM order_facts
JOIN minor_units USING (currency)
WHERE status = 'completed' AND customer_id IS NOT NULL
GROUP BY day, currency, customer_id
ORDER BY day;

INSERT INTO product_sales_by_day BY NAME
SELECT
    day::DATE AS day,
    currency,
    product_sku,
    count(DISTINCT order_id) AS order_count,
    sum(quantity)::BIGINT AS total_quantity,
    money(sum(total)) AS total_revenue
FROM line_facts
GROUP BY day, currency, product_sku
ORDER BY day;

INSERT INTO settle_times_by_day BY NAME
SELECT
    day::DATE AS day,
    currency,
    half_up(greatest(settle_us, 0), 10000)::BIGINT AS hundredths,
    count(*) AS orders
FROM order_facts
WHERE status IN ('completed', 'failed', 'rollback') AND settle_us IS NOT NULL
GROUP BY ALL
ORDER BY day;

INSERT INTO daily_kpis BY NAME
WITH
counted AS (
    SELECT
        day::DATE AS day,
        currency,
        count(*) FILTER (status = 'completed') AS order_count,
        coalesce(sum(total) FILTER (status = 'completed'), 0) AS revenue,
        count(*) AS orders_received,
        count(*) FILTER (status = 'failed') AS orders_failed,
        count(*) FILTER (status = 'rollback') AS orders_rolled_back,
        count(*) FILTER (status = 'failed' AND reason = 'out_of_stock') AS out_of_stock_orders,
        coalesce(sum(total) FILTER (status = 'failed' AND reason = 'out_of_stock'), 0) AS out_of_stock_total
    FROM order_facts
    GROUP BY day, currency
),
-- Amounts of completed orders, in 1/10,000.
amounts AS (
    SELECT
        day::DATE AS day,
        currency,
        coalesce(sum(amount) FILTER (kind = 'discount'), 0) AS discounts,
        coalesce(sum(amount) FILTER (kind = 'shipping'), 0) AS shipping,
        coalesce(sum(amount) FILTER (kind = 'tax'), 0) AS tax,
        coalesce(sum(amount) FILTER (kind = 'fee'), 0) AS fees,
        coalesce(sum(amount) FILTER (kind = 'tip'), 0) AS tips,
        coalesce(sum(amount) FILTER (kind = 'unexplained'), 0) AS unexplained,
        coalesce(sum(amount) FILTER (kind = 'tax_included'), 0) AS tax_included,
        -- In minor units of the currency.
        coalesce(sum(amount) FILTER (kind = 'recorded'), 0) AS recorded
    FROM amount_facts
    GROUP BY day, currency
),
goods AS (
    SELECT day::DATE AS day, currency, sum(total) AS gross, sum(discount) AS discounts
    FROM line_facts
    GROUP BY day, currency
),
parts AS (
    SELECT
        day,
        currency,
        money(coalesce(gross, 0)) AS gross_sales,
        money(coalesce(goods.discounts, 0) + coalesce(amounts.discounts, 0)) AS discounts,
        money(coalesce(shipping, 0)) AS shipping,
        money(coalesce(tax, 0)) AS tax,
        money(coalesce(fees, 0)) AS fees,
        money(coalesce(tips, 0)) AS tips,
        money(coalesce(unexplained, 0)) AS unexplained,
        money(coalesce(tax_included, 0)) AS tax_included,
        coalesce(recorded, 0) AS recorded
    FROM goods
    FULL JOIN amounts USING (day, currency)
),
declined AS (
    SELECT day::DATE AS day, currency, detail, count(*) AS payments
    FROM (
        SELECT day, currency, detail FROM order_facts WHERE reason = 'declined'
        UNION ALL
        SELECT day, currency, detail FROM earlier_declines
    )
    GROUP BY ALL
),
declines AS (
    SELECT
        day,
        currency,
        sum(payments)::BIGINT AS payments_declined,
        map(list(detail ORDER BY detail), list(payments ORDER BY detail)) AS by_reason
    FROM declined
    GROUP BY day, currency
),
buyers AS (
    SELECT day, currency, count(*) AS unique_customers
    FROM customer_sales_by_day
    WHERE day IN (SELECT day FROM refreshed_days)
    GROUP BY day, currency
),
units AS (
    SELECT day, currency, sum(total_quantity)::BIGINT AS units_sold
    FROM product_sales_by_day
    WHERE day IN (SELECT day FROM refreshed_days)
    GROUP BY day, currency
),
ranked AS (
    SELECT
        day,
        currency,
        hundredths,
        sum(orders) OVER (PARTITION BY day, currency ORDER BY hundredths) AS so_far,
        sum(orders) OVER (PARTITION BY day, currency) AS settled
    FROM settle_times_by_day
    WHERE day IN (SELECT day FROM refreshed_days)
),
settle_times AS (
    SELECT
        day,
        currency,
        min(hundredths) FILTER (2 * so_far >= settled) AS median,
        min(hundredths) FILTER (20 * so_far >= 19 * settled) AS p95
    FROM ranked
    GROUP BY day, currency
)
SELECT
    day,
    currency,
    revenue::DECIMAL(24, 0) * unit AS total_revenue,
    coalesce(parts.gross_sales, 0)::DECIMAL(30, 4) AS gross_sales,
    coalesce(parts.discounts, 0)::DECIMAL(30, 4) AS discounts,
    coalesce(parts.shipping, 0)::DECIMAL(30, 4) AS shipping,
    coalesce(parts.tax, 0)::DECIMAL(30, 4) AS tax,
    coalesce(parts.fees, 0)::DECIMAL(30, 4) AS fees,
    coalesce(parts.tips, 0)::DECIMAL(30, 4) AS tips,
    coalesce(parts.unexplained, 0)::DECIMAL(30, 4) AS unexplained,
    (revenue::DECIMAL(24, 0) * unit - coalesce(
        parts.gross_sales - parts.discounts + parts.shipping + parts.tax + parts.fees + parts.tips
        + parts.unexplained, 0
    ))::DECIMAL(30, 4) AS rounding,
    coalesce(parts.tax_included, 0)::DECIMAL(30, 4) AS tax_included,
    coalesce(parts.recorded, 0)::DECIMAL(24, 0) * unit AS recorded_revenue,
    order_count,
    half_up(revenue, greatest(order_count, 1))::DECIMAL(24, 0) * unit AS average_order_value,
    coalesce(unique_customers, 0) AS unique_customers,
    0 AS new_customers,
    0 AS returning_customers,
    coalesce(units_sold, 0) AS units_sold,
    orders_received,
    orders_failed,
    orders_rolled_back,
    coalesce(payments_declined, 0) AS payments_declined,
    share(order_count, order_count + coalesce(payments_declined, 0)) AS payment_success_rate,
    coalesce(by_reason, MAP {}) AS declines_by_reason,
    out_of_stock_orders,
    out_of_stock_total::DECIMAL(24, 0) * unit AS out_of_stock_revenue,
    seconds(median) AS median_seconds_to_settle,
    seconds(p95) AS p95_seconds_to_settle,
    $generated_at AS generated_at
FROM counted
JOIN minor_units USING (currency)
LEFT JOIN parts USING (day, currency)
LEFT JOIN declines USING (day, currency)
LEFT JOIN buyers USING (day, currency)
LEFT JOIN units USING (day, currency)
LEFT JOIN settle_times USING (day, currency)
ORDER BY day, currency;
