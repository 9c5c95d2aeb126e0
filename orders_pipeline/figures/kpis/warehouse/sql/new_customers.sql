-- Updates the first purchase days of customers who bought on `refreshed_days`. Recounts new customers on these
-- days and on days whose first purchases moved to an earlier day. `changed_days` then lists all these days.

CREATE OR REPLACE TEMP TABLE earliest AS
SELECT currency, customer_id, min(day) AS day
FROM customer_sales_by_day
WHERE order_count > 0 AND day IN (SELECT day FROM refreshed_days)
GROUP BY currency, customer_id;

CREATE OR REPLACE TEMP TABLE moved AS
SELECT currency, customer_id, earliest.day AS new_day, known.day AS old_day
FROM earliest
LEFT JOIN customer_first_days AS known USING (currency, customer_id)
WHERE known.day IS NULL OR earliest.day < known.day;

CREATE OR REPLACE TEMP TABLE changed_days AS
SELECT day FROM refreshed_days
UNION
SELECT old_day FROM moved WHERE old_day IS NOT NULL;

DELETE FROM customer_first_days AS known
USING moved
WHERE known.currency = moved.currency AND known.customer_id = moved.customer_id AND moved.old_day IS NOT NULL;

INSERT INTO customer_first_days BY NAME
SELECT currency, customer_id, new_day AS day FROM moved;

-- Two steps, so that the first reads only these days' part of a long table.
CREATE OR REPLACE TEMP TABLE changed_sales AS
SELECT day, currency, customer_id
FROM customer_sales_by_day
WHERE order_count > 0 AND day IN (SELECT day FROM changed_days);

CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT day, currency, count(*) AS new_customers
FROM changed_sales
JOIN customer_first_days USING (day, currency, customer_id)
GROUP BY day, currency;

UPDATE daily_kpis
SET
    new_customers = coalesce(arrivals.new_customers, 0),
    returning_customers = kpis.unique_customers - coalesce(arrivals.new_customers, 0)
FROM daily_kpis AS kpis
LEFT JOIN arrivals USING (day, currency)
WHERE
    kpis.day IN (SELECT day FROM changed_days)
    AND daily_kpis.day = kpis.day
    AND daily_kpis.currency = kpis.currency;
