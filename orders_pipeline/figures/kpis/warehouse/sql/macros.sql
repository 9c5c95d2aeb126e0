-- The only rounding rule: half up, on exact integers.

CREATE OR REPLACE TEMP MACRO half_up(numerator, denominator) AS
    (2 * numerator::HUGEINT + denominator) // (2 * denominator);

-- An amount of 1/10,000 as money.
CREATE OR REPLACE TEMP MACRO money(units) AS
    (units::DECIMAL(26, 0) * 0.0001::DECIMAL(4, 4))::DECIMAL(30, 4);

-- A quantity of 1/1,000 in units.
CREATE OR REPLACE TEMP MACRO units_of(thousandths) AS
    (thousandths::DECIMAL(27, 0) * 0.001::DECIMAL(3, 3))::DECIMAL(30, 3);

-- Share of a whole, to four decimals; NULL if the whole is 0.
CREATE OR REPLACE TEMP MACRO share(part, whole) AS
    CASE
        WHEN whole = 0 THEN NULL
        ELSE (half_up(10000 * part, whole)::DECIMAL(5, 0) * 0.0001::DECIMAL(4, 4))::DECIMAL(5, 4)
    END;

CREATE OR REPLACE TEMP MACRO seconds(hundredths) AS
    (hundredths::DECIMAL(16, 0) * 0.01::DECIMAL(2, 2))::DECIMAL(18, 2);
