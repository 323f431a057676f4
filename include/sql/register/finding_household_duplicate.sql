-- A household whose members come again, in the same file or after an earlier one has brought it.
SELECT
    receipt_no,
    first_row AS row_no,
    household_no,
    'household_no' AS field,
    'household_duplicate' AS reason
FROM household_fact
WHERE
    (distinct_members < members AND members > smallest_size)
    OR household_no IN (SELECT registered.household_no FROM registered)
