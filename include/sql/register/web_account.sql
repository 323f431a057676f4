-- Who may log in to the web site. A confidential household is known there by its delivery postal code alone, and
-- without an instruction not at all (G09).
-- in: household, application_number, instruction (the last one of each household)
SELECT
    application_number.application_no,
    CASE
        WHEN NOT household.confidential THEN household.postal_code
        WHEN household.instructed THEN REPLACE(instruction.postal_code, '-', '')
    END AS postal_code,
    household.members,
    household.members * CAST($points_per_member AS INTEGER) AS points,
    CASE
        WHEN household.state = 'live' AND (household.instructed OR NOT household.confidential) THEN 1
        ELSE 0
    END AS active
FROM household
INNER JOIN application_number ON household.household_no = application_number.household_no
LEFT JOIN instruction ON household.household_no = instruction.household_no
ORDER BY application_number.application_no
