-- Households of the version. Confidential (G09): marked in the register or named in a special delivery.
SELECT
    standing.household_no,
    CAST(COUNT(*) AS INTEGER) AS members,
    MAX(member.postal_code) AS postal_code,
    standing.confidential OR COUNT(instruction.household_no) > 0 AS confidential,
    COALESCE(BOOL_OR(instruction.is_complete), FALSE) AS instructed,
    CASE
        WHEN standing.state = 'deleted' OR hold.household_no IS NULL THEN standing.state
        ELSE 'held'
    END AS state,
    CASE
        WHEN standing.state = 'deleted' OR hold.household_no IS NULL THEN standing.state_reason
        ELSE hold.reason
    END AS state_reason,
    standing.ward_no
FROM standing
INNER JOIN member ON standing.household_no = member.household_no
LEFT JOIN instruction ON standing.household_no = instruction.household_no
LEFT JOIN hold ON standing.household_no = hold.household_no
GROUP BY
    standing.household_no,
    standing.confidential,
    standing.state,
    standing.state_reason,
    standing.ward_no,
    hold.household_no,
    hold.reason
ORDER BY standing.household_no
