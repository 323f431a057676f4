-- Every household of the base files is live.
SELECT
    household_no,
    BOOL_OR(COALESCE(confidential, FALSE)) AS confidential,
    'live' AS state,
    CAST(NULL AS VARCHAR(20)) AS state_reason,
    FALSE AS is_gone
FROM member
GROUP BY household_no
