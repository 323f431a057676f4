-- Rows of one household that give it different heads, addresses or changes.
SELECT
    receipt_no,
    first_row AS row_no,
    household_no,
    conflicting_field AS field,
    'household_conflict' AS reason
FROM household_fact
WHERE conflicting_field IS NOT NULL
