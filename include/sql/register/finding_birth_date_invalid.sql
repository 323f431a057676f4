-- A birth date that is no date, lies too far back, or after the reference date (for a change: after the change, if
-- later).
SELECT
    usable_row.receipt_no,
    usable_row.row_no,
    usable_row.household_no,
    'birth_date' AS field,
    'birth_date_invalid' AS reason
FROM usable_row
INNER JOIN parsed_date AS birth ON usable_row.birth_date = birth.text
LEFT JOIN parsed_date AS changed ON usable_row.changed_on = changed.text
WHERE
    birth.parsed_on IS NULL
    OR birth.parsed_on < CAST($oldest_birth AS DATE)
    OR birth.parsed_on
    > GREATEST(CAST($reference_date AS DATE), COALESCE(changed.parsed_on, CAST($reference_date AS DATE)))
