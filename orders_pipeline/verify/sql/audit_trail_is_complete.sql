-- The audit trail has as many actions as were ever recorded.
SELECT actions_recorded, (SELECT COUNT(*) FROM operator_actions) AS actions
FROM home
WHERE actions_recorded <> (SELECT COUNT(*) FROM operator_actions)
