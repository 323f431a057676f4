-- Whose number is it, and what may that household have? A number that fails its check digits is nobody's.
SELECT
    issued.application_no,
    issued.household_no,
    household.postal_code,
    COALESCE(household.state, 'deleted') AS state,
    CAST(COALESCE(household.members, 0) AS BIGINT) * $points_per_member AS entitlement
FROM application_number AS issued
LEFT JOIN household ON issued.household_no = household.household_no
WHERE
    CASE
        WHEN LENGTH(issued.application_no) = 10 AND TRANSLATE(issued.application_no, '0123456789', '') = ''
            THEN CAST(issued.application_no AS BIGINT) % 97 = 1
        ELSE FALSE
    END
