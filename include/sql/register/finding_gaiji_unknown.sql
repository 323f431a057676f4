-- A printed field with a character that the ward's gaiji font does not draw (G04).
SELECT
    receipt_no,
    row_no,
    household_no,
    'head_name' AS field,
    'gaiji_unknown' AS reason
FROM usable_row
WHERE head_name IN (SELECT undrawable.text FROM undrawable)
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'member_name' AS field,
    'gaiji_unknown' AS reason
FROM usable_row
WHERE member_name IN (SELECT undrawable.text FROM undrawable)
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'town' AS field,
    'gaiji_unknown' AS reason
FROM usable_row
WHERE town IN (SELECT undrawable.text FROM undrawable)
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'block' AS field,
    'gaiji_unknown' AS reason
FROM usable_row
WHERE block IN (SELECT undrawable.text FROM undrawable)
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'building' AS field,
    'gaiji_unknown' AS reason
FROM usable_row
WHERE building IN (SELECT undrawable.text FROM undrawable)
