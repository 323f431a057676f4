-- Who may log in to the web site. A confidential household is known there by its delivery postal code alone, and
-- without an instruction not at all (G09).
WITH delivery AS (
    SELECT
        household_no,
        MAX(REPLACE(postal_code, '-', '')) AS postal_code
    FROM special_delivery
    GROUP BY household_no
)

SELECT
    application_number.application_no,
    CASE
        WHEN NOT household.confidential THEN household.postal_code
        WHEN household.instructed THEN delivery.postal_code
    END AS postal_code,
    household.members,
    household.members * CAST($points_per_member AS INTEGER) AS points,
    CASE
        WHEN household.state = 'live' AND (household.instructed OR NOT household.confidential) THEN 1
        ELSE 0
    END AS active
FROM household
INNER JOIN application_number ON household.household_no = application_number.household_no
LEFT JOIN delivery ON household.household_no = delivery.household_no
ORDER BY application_number.application_no
