-- A change, a stop, an instruction or a new address of a household that no file has brought: leading zeros lost, a slip
-- of the pen.
-- in: changing (corrections files with their place), known (households with the place of the file that brings them),
-- notice_row (rows of stops, instructions and new addresses)
WITH changed AS (
    SELECT
        receipt_no,
        household_no,
        MIN(row_no) AS row_no
    FROM usable_row
    WHERE change_kind IN ('更新', '削除')
    GROUP BY receipt_no, household_no
)

SELECT
    changed.receipt_no,
    changed.row_no,
    changed.household_no,
    'household_no' AS field,
    'unknown_household' AS reason
FROM changed
INNER JOIN changing ON changed.receipt_no = changing.receipt_no
LEFT JOIN known ON changed.household_no = known.household_no
WHERE known.household_no IS NULL OR known.place > changing.place
UNION ALL
SELECT
    notice_row.receipt_no,
    notice_row.row_no,
    notice_row.household_no,
    'household_no' AS field,
    'unknown_household' AS reason
FROM notice_row
LEFT JOIN known ON notice_row.household_no = known.household_no
WHERE
    known.household_no IS NULL
    AND TRANSLATE(notice_row.household_no, '0123456789', '') = ''
    AND LENGTH(notice_row.household_no) BETWEEN 1 AND 15
