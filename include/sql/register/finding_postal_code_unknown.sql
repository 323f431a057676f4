-- A postal code that does not exist.
SELECT
    receipt_no,
    row_no,
    household_no,
    'postal_code' AS field,
    'postal_code_unknown' AS reason
FROM usable_row
WHERE NOT EXISTS (
    SELECT 1 FROM postal
    WHERE postal.postal_code = usable_row.postal_digits
)
