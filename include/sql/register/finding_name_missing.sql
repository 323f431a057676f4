-- A member or a head without a name.
SELECT
    receipt_no,
    row_no,
    household_no,
    'member_name' AS field,
    'name_missing' AS reason
FROM usable_row
WHERE TRANSLATE(member_name, $blanks, '') = ''
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'head_name' AS field,
    'name_missing' AS reason
FROM usable_row
WHERE TRANSLATE(head_name, $blanks, '') = ''
