-- Households of the version. Confidential (G09): marked in the register or named in a special delivery, whose
-- instruction counts when it says how and where.
WITH instruction AS (
    SELECT
        household_no,
        BOOL_OR(
            TRIM(COALESCE(method, '')) <> ''
            AND TRIM(COALESCE(address, '') || COALESCE(held_at, '')) <> ''
        ) AS complete
    FROM special_delivery
    GROUP BY household_no
)

SELECT
    standing.household_no,
    CAST(COUNT(*) AS INTEGER) AS members,
    MAX(member.postal_code) AS postal_code,
    standing.confidential OR COUNT(instruction.household_no) > 0 AS confidential,
    COALESCE(BOOL_OR(instruction.complete), FALSE) AS instructed,
    standing.state,
    standing.state_reason
FROM standing
INNER JOIN member ON standing.household_no = member.household_no
LEFT JOIN
    instruction
    ON standing.household_no = instruction.household_no
GROUP BY standing.household_no, standing.confidential, standing.state, standing.state_reason
ORDER BY standing.household_no
