-- The only rounding rule: half up, on exact integers.

CREATE OR REPLACE TEMP MACRO half_up(numerator, denominator) AS
    (2 * numerator::HUGEINT + denominator) // (2 * denominator);

-- Mean of an amount of money, to two decimals; 0.00 if the count is 0.
CREATE OR REPLACE TEMP MACRO mean_amount(amount, number) AS
    CASE
        WHEN number = 0 THEN 0::DECIMAL(30, 2)
        ELSE (half_up((amount::DECIMAL(30, 4) * 10000::DECIMAL(5, 0))::HUGEINT, 100 * number)::DECIMAL(30, 0)
            * 0.01::DECIMAL(2, 2))::DECIMAL(30, 2)
    END;

-- Share of a whole, to four decimals; NULL if the whole is 0.
CREATE OR REPLACE TEMP MACRO share(part, whole) AS
    CASE
        WHEN whole = 0 THEN NULL
        ELSE (half_up(10000 * part, whole)::DECIMAL(5, 0) * 0.0001::DECIMAL(4, 4))::DECIMAL(5, 4)
    END;

CREATE OR REPLACE TEMP MACRO seconds(hundredths) AS
    (hundredths::DECIMAL(16, 0) * 0.01::DECIMAL(2, 2))::DECIMAL(18, 2);
