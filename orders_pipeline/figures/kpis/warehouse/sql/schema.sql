-- Tables of the warehouse: figures by KPI day and currency. Money is in the currency's major unit.

CREATE TABLE IF NOT EXISTS daily_kpis (
    day DATE NOT NULL,
    currency VARCHAR NOT NULL,
    total_revenue DECIMAL(30, 4) NOT NULL,
    gross_sales DECIMAL(30, 4) NOT NULL,
    discounts DECIMAL(30, 4) NOT NULL,
    shipping DECIMAL(30, 4) NOT NULL,
    tax DECIMAL(30, 4) NOT NULL,
    fees DECIMAL(30, 4) NOT NULL,
    tips DECIMAL(30, 4) NOT NULL,
    unexplained DECIMAL(30, 4) NOT NULL,
    rounding DECIMAL(30, 4) NOT NULL,
    tax_included DECIMAL(30, 4) NOT NULL,
    recorded_revenue DECIMAL(30, 4) NOT NULL,
    refunded DECIMAL(30, 4) NOT NULL,
    refund_count BIGINT NOT NULL,
    net_revenue DECIMAL(30, 4) NOT NULL,
    refunded_of_orders DECIMAL(30, 4) NOT NULL,
    disputed DECIMAL(30, 4) NOT NULL,
    dispute_fees DECIMAL(30, 4) NOT NULL,
    order_count BIGINT NOT NULL,
    average_order_value DECIMAL(30, 4) NOT NULL,
    unique_customers BIGINT NOT NULL,
    new_customers BIGINT NOT NULL,
    returning_customers BIGINT NOT NULL,
    units_sold DECIMAL(30, 3) NOT NULL,
    orders_received BIGINT NOT NULL,
    orders_failed BIGINT NOT NULL,
    orders_rolled_back BIGINT NOT NULL,
    payments_declined BIGINT NOT NULL,
    payment_success_rate DECIMAL(5, 4),
    declines_by_reason MAP(VARCHAR, BIGINT) NOT NULL,
    out_of_stock_orders BIGINT NOT NULL,
    out_of_stock_revenue DECIMAL(30, 4) NOT NULL,
    median_seconds_to_settle DECIMAL(18, 2),
    p95_seconds_to_settle DECIMAL(18, 2),
    generated_at TIMESTAMP NOT NULL
);

-- Orders by their own day, refunds and returns by the day of the refund; so a row may have no orders.
CREATE TABLE IF NOT EXISTS customer_sales_by_day (
    day DATE NOT NULL,
    currency VARCHAR NOT NULL,
    customer_id VARCHAR NOT NULL,
    order_count BIGINT NOT NULL,
    total_spent DECIMAL(30, 4) NOT NULL,
    refunded DECIMAL(30, 4) NOT NULL
);

-- The same by product.
CREATE TABLE IF NOT EXISTS product_sales_by_day (
    day DATE NOT NULL,
    currency VARCHAR NOT NULL,
    product_sku VARCHAR NOT NULL,
    order_count BIGINT NOT NULL,
    total_quantity DECIMAL(30, 3) NOT NULL,
    total_revenue DECIMAL(30, 4) NOT NULL,
    units_returned DECIMAL(30, 3) NOT NULL,
    refunded DECIMAL(30, 4) NOT NULL
);

-- Histogram of settlement times in hundredths of a second, for percentiles over any days.
CREATE TABLE IF NOT EXISTS settle_times_by_day (
    day DATE NOT NULL,
    currency VARCHAR NOT NULL,
    hundredths BIGINT NOT NULL,
    orders BIGINT NOT NULL
);
