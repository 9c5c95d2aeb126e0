-- Replaces the rows of the days in `refreshed_days` with rows computed from the views of facts.
-- `minor_units(currency, unit)` contains the value of each currency's minor unit.

DELETE FROM customer_sales_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM product_sales_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM settle_times_by_day WHERE day IN (SELECT day FROM refreshed_days);
DELETE FROM daily_kpis WHERE day IN (SELECT day FROM refreshed_days);

INSERT INTO customer_sales_by_day BY NAME
WITH
bought AS (
    SELECT day::DATE AS day, currency, customer_id, count(*) AS order_count, sum(total) AS spent
    FROM order_facts
    WHERE status = 'completed' AND customer_id IS NOT NULL
    GROUP BY day, currency, customer_id
),
given_back AS (
    SELECT day::DATE AS day, currency, customer_id, sum(amount) AS refunded
    FROM money_back_facts
    WHERE kind = 'refund' AND customer_id IS NOT NULL
    GROUP BY day, currency, customer_id
)
SELECT
    day,
    currency,
    customer_id,
    coalesce(order_count, 0) AS order_count,
    coalesce(spent, 0)::DECIMAL(24, 0) * unit AS total_spent,
    coalesce(given_back.refunded, 0)::DECIMAL(24, 0) * unit AS refunded
FROM bought
FULL JOIN given_back USING (day, currency, customer_id)
JOIN minor_units USING (currency)
ORDER BY day;

INSERT INTO product_sales_by_day BY NAME
WITH
sold AS (
    SELECT
        day::DATE AS day,
        currency,
        product_sku,
        count(DISTINCT order_id) AS order_count,
        sum(quantity) AS quantity,
        sum(total) AS revenue
    FROM line_facts
    GROUP BY day, currency, product_sku
),
returned AS (
    SELECT day::DATE AS day, currency, product_sku, sum(quantity) AS quantity, sum(amount) AS refunded
    FROM returned_facts
    GROUP BY day, currency, product_sku
)
SELECT
    day,
    currency,
    product_sku,
    coalesce(order_count, 0) AS order_count,
    units_of(coalesce(sold.quantity, 0)) AS total_quantity,
    money(coalesce(revenue, 0)) AS total_revenue,
    units_of(coalesce(returned.quantity, 0)) AS units_returned,
    money(coalesce(returned.refunded, 0)) AS refunded
FROM sold
FULL JOIN returned USING (day, currency, product_sku)
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
received AS (
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
money_back AS (
    SELECT
        day::DATE AS day,
        currency,
        coalesce(sum(amount) FILTER (kind = 'refund'), 0) AS refunded,
        count(*) FILTER (kind = 'refund') AS refund_count,
        coalesce(sum(amount) FILTER (kind = 'dispute'), 0) AS disputed,
        coalesce(sum(fee) FILTER (kind = 'dispute'), 0) AS dispute_fees
    FROM money_back_facts
    GROUP BY day, currency
),
-- A day may have refunds without orders of its own.
counted AS (
    SELECT
        day,
        currency,
        coalesce(order_count, 0) AS order_count,
        coalesce(revenue, 0) AS revenue,
        coalesce(orders_received, 0) AS orders_received,
        coalesce(orders_failed, 0) AS orders_failed,
        coalesce(orders_rolled_back, 0) AS orders_rolled_back,
        coalesce(out_of_stock_orders, 0) AS out_of_stock_orders,
        coalesce(out_of_stock_total, 0) AS out_of_stock_total,
        coalesce(refunded, 0) AS refunded,
        coalesce(refund_count, 0) AS refund_count,
        coalesce(disputed, 0) AS disputed,
        coalesce(dispute_fees, 0) AS dispute_fees
    FROM received
    FULL JOIN money_back USING (day, currency)
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
        coalesce(sum(amount) FILTER (kind = 'recorded'), 0) AS recorded,
        coalesce(sum(amount) FILTER (kind = 'refunded'), 0) AS refunded_of_orders
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
        coalesce(recorded, 0) AS recorded,
        coalesce(refunded_of_orders, 0) AS refunded_of_orders
    FROM goods
    FULL JOIN amounts USING (day, currency)
),
declined AS (
    -- The message of a request that the gateway refused often contains the order number, so it is not grouped by.
    SELECT
        day::DATE AS day,
        currency,
        CASE WHEN starts_with(detail, 'refused: ') THEN 'refused' ELSE detail END AS detail,
        count(*) AS payments
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
    WHERE order_count > 0 AND day IN (SELECT day FROM refreshed_days)
    GROUP BY day, currency
),
units AS (
    SELECT day, currency, sum(total_quantity)::DECIMAL(30, 3) AS units_sold
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
    refunded::DECIMAL(24, 0) * unit AS refunded,
    refund_count,
    (revenue - refunded)::DECIMAL(24, 0) * unit AS net_revenue,
    coalesce(parts.refunded_of_orders, 0)::DECIMAL(24, 0) * unit AS refunded_of_orders,
    disputed::DECIMAL(24, 0) * unit AS disputed,
    dispute_fees::DECIMAL(24, 0) * unit AS dispute_fees,
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
