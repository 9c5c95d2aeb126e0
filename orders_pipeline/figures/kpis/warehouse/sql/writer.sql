-- Tables that only the writer needs. Completed orders stay completed: a customer's first day only moves back.
CREATE TABLE IF NOT EXISTS customer_first_days (
    currency VARCHAR NOT NULL,
    customer_id VARCHAR NOT NULL,
    day DATE NOT NULL
);

CREATE TABLE IF NOT EXISTS layout (fingerprint VARCHAR NOT NULL);
