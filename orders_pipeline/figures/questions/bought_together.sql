-- Products bought together
-- Pairs of products that are most often in the same completed order, and the share of the orders with the
-- first product that have the second one too.
WITH baskets AS (
    SELECT DISTINCT
        order_id,
        currency,
        product_sku
    FROM order_lines
    WHERE status = 'completed'
),

sold AS (
    SELECT
        currency,
        product_sku,
        count(*) AS orders
    FROM baskets
    GROUP BY currency, product_sku
),

pairs AS (
    SELECT
        one.currency,
        one.product_sku AS product_sku,
        other.product_sku AS with_sku,
        count(*) AS orders_with_both
    FROM baskets AS one
    INNER JOIN baskets AS other ON other.order_id = one.order_id AND other.product_sku <> one.product_sku
    GROUP BY 1, 2, 3
),

places AS (
    SELECT
        pairs.currency,
        pairs.product_sku,
        pairs.with_sku,
        pairs.orders_with_both,
        round(1.0 * pairs.orders_with_both / sold.orders, 4) AS share_of_first,
        row_number() OVER (
            PARTITION BY pairs.currency
            ORDER BY pairs.orders_with_both DESC, sold.orders, pairs.product_sku, pairs.with_sku
        ) AS place
    FROM pairs
    INNER JOIN sold ON sold.currency = pairs.currency AND sold.product_sku = pairs.product_sku
)

SELECT
    currency,
    product_sku,
    with_sku,
    orders_with_both,
    share_of_first
FROM places
WHERE place <= 50
ORDER BY currency, place;
