-- Views of other tables, the same in DuckDB and PostgreSQL. {code_points} is the collation for equal scores.

CREATE VIEW {schema}customer_leaderboard AS
SELECT
    currency,
    row_number() OVER (
        PARTITION BY currency ORDER BY total_spent - refunded DESC, customer_id{code_points}
    )::BIGINT AS rank,
    customer_id,
    order_count,
    (total_spent - refunded)::DECIMAL(30, 4) AS total_spent
FROM {schema}customers;

CREATE VIEW {schema}product_leaderboard AS
SELECT
    currency,
    row_number() OVER (
        PARTITION BY currency ORDER BY total_quantity DESC, product_sku{code_points}
    )::BIGINT AS rank,
    product_sku,
    product_name,
    total_quantity,
    total_revenue,
    order_count
FROM (
    SELECT
        sales.currency,
        sales.product_sku,
        products.product_name,
        sum(sales.total_quantity - sales.units_returned)::DECIMAL(30, 3) AS total_quantity,
        sum(sales.total_revenue - sales.refunded)::DECIMAL(30, 4) AS total_revenue,
        sum(sales.order_count)::BIGINT AS order_count
    FROM {schema}product_sales_by_day AS sales
    LEFT JOIN {schema}products ON products.product_sku = sales.product_sku
    GROUP BY sales.currency, sales.product_sku, products.product_name
) AS totals;
