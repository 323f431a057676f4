-- Households by kind of change between two versions.
WITH both_versions AS (
    SELECT
        b.household_no,
        b.confidential <> a.confidential AS new_confidential,
        b.instructed <> a.instructed AS new_instructed,
        COALESCE(b.ward_no, b.household_no) <> COALESCE(a.ward_no, a.household_no) AS new_number,
        CASE WHEN b.state <> a.state THEN 'state_' || b.state || '_' || a.state END AS new_state
    FROM household_before AS b
    INNER JOIN household_after AS a ON b.household_no = a.household_no
),

found AS (
    SELECT 'added' AS kind
    FROM household_after AS a
    LEFT JOIN household_before AS b ON a.household_no = b.household_no
    WHERE b.household_no IS NULL
    UNION ALL
    SELECT 'removed' AS kind
    FROM household_before AS b
    LEFT JOIN household_after AS a ON b.household_no = a.household_no
    WHERE a.household_no IS NULL
    UNION ALL
    SELECT 'members' AS kind
    FROM member_changed
    WHERE new_members
    UNION ALL
    SELECT 'name' AS kind
    FROM member_changed
    WHERE new_names
    UNION ALL
    SELECT 'address' AS kind
    FROM member_changed
    WHERE new_address
    UNION ALL
    SELECT 'confidential' AS kind
    FROM both_versions
    WHERE new_confidential
    UNION ALL
    SELECT 'instructed' AS kind
    FROM both_versions
    WHERE new_instructed
    UNION ALL
    SELECT 'number' AS kind
    FROM both_versions
    WHERE new_number
    UNION ALL
    SELECT new_state AS kind
    FROM both_versions
    WHERE new_state IS NOT NULL
)

SELECT
    kind,
    CAST(COUNT(*) AS BIGINT) AS households
FROM found
GROUP BY kind
ORDER BY kind ASC NULLS LAST
