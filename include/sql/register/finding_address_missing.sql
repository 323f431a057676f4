-- An address without a town or without a block.
SELECT
    receipt_no,
    row_no,
    household_no,
    'town' AS field,
    'address_missing' AS reason
FROM usable_row
WHERE TRANSLATE(town, $blanks, '') = ''
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'block' AS field,
    'address_missing' AS reason
FROM usable_row
WHERE TRANSLATE(block, $blanks, '') = ''
