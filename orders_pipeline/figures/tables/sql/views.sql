-- Views of figures.duckdb. On PostgreSQL, `customers` is a view over the order store.

CREATE VIEW customers AS
SELECT
    customer_id,
    currency,
    sum(order_count)::BIGINT AS order_count,
    sum(total_spent)::DECIMAL(30, 4) AS total_spent,
    sum(refunded)::DECIMAL(30, 4) AS refunded
FROM customer_sales_by_day
GROUP BY customer_id, currency;
