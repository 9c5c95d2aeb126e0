-- Sales by category
-- Units and sales of each category by month, less returns. Products without a category are one group.
SELECT
    date_trunc('month', sales.day)::DATE AS month,
    sales.currency,
    coalesce(products.category, '(none)') AS category,
    sum(sales.total_quantity - sales.units_returned) AS units,
    sum(sales.total_revenue - sales.refunded) AS revenue
FROM product_sales_by_day AS sales
LEFT JOIN products ON products.product_sku = sales.product_sku
GROUP BY 1, 2, 3
ORDER BY 1, 2, 5 DESC, 3;
