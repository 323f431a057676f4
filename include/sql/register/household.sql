-- Households of the version. Confidential (G09): marked in the register, named in a special delivery, or either of them
-- in a register that waits for a person or in rows that wait for the ward's answer.
SELECT
    standing.household_no,
    CAST(COUNT(*) AS INTEGER) AS members,
    MAX(member.postal_code) AS postal_code,
    standing.confidential
    OR COUNT(instruction.household_no) > 0
    OR COALESCE(BOOL_OR(caution.confidential), FALSE)
    OR COALESCE(BOOL_OR(doubt.confidential), FALSE) AS confidential,
    COALESCE(BOOL_OR(instruction.is_complete), FALSE) AS instructed,
    CASE
        WHEN standing.state = 'deleted' OR hold.household_no IS NULL THEN standing.state
        ELSE 'held'
    END AS state,
    CASE
        WHEN standing.state = 'deleted' OR hold.household_no IS NULL THEN standing.state_reason
        ELSE hold.reason
    END AS state_reason,
    standing.ward_no,
    MAX(instruction.receipt_no || '/' || CAST(instruction.row_no AS VARCHAR(10))) AS instruction
FROM standing
INNER JOIN member ON standing.household_no = member.household_no
LEFT JOIN instruction ON standing.household_no = instruction.household_no
LEFT JOIN hold ON standing.household_no = hold.household_no
LEFT JOIN caution ON standing.household_no = caution.household_no
LEFT JOIN doubt ON standing.household_no = doubt.household_no
GROUP BY
    standing.household_no,
    standing.confidential,
    standing.state,
    standing.state_reason,
    standing.ward_no,
    hold.household_no,
    hold.reason
ORDER BY standing.household_no
