-- No row refers to a row that is missing. PostgreSQL enforces this itself, SQLite only for programs that switch the check on.
SELECT "table" AS of_table, parent AS missing_in, COUNT(*) AS rows_without_it
FROM pragma_foreign_key_check
GROUP BY "table", parent
