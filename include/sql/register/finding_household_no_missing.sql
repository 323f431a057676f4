-- A household number that is not 1 to 15 digits; shown only when it can hold no name.
SELECT
    receipt_no,
    row_no,
    CASE
        WHEN
            LENGTH(household_no) BETWEEN 1 AND 20
            AND TRANSLATE(household_no, '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-', '') = ''
            THEN household_no
    END AS household_no,
    'household_no' AS field,
    'household_no_missing' AS reason
FROM (
    SELECT
        receipt_no,
        row_no,
        household_no
    FROM ward_row
    UNION ALL
    SELECT
        receipt_no,
        row_no,
        household_no
    FROM notice_row
) AS sent_row
WHERE NOT (TRANSLATE(household_no, '0123456789', '') = '' AND LENGTH(household_no) BETWEEN 1 AND 15)
