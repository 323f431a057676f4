-- What the reader could not read and what the ward does not want; the rules' findings are added to it.
SELECT
    receipt_no,
    row_no,
    household_no,
    field,
    reason
FROM bad_row
