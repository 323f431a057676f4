-- A change that cannot be carried out: its kind or reason is unknown, or it has no date, which only an error put right
-- does without. One line a row, of the first field that is wrong.
WITH weighed AS (
    SELECT
        usable_row.receipt_no,
        usable_row.row_no,
        usable_row.household_no,
        CASE
            WHEN usable_row.change_kind NOT IN ('更新', '削除', '追加') THEN 'change_kind'
            WHEN change_reason.written IS NULL THEN 'change_reason'
            WHEN
                parsed_date.parsed_on IS NULL
                AND (
                    TRANSLATE(COALESCE(usable_row.changed_on, ''), $blanks, '') <> ''
                    OR usable_row.change_reason <> '誤り'
                )
                THEN 'changed_on'
        END AS field
    FROM usable_row
    LEFT JOIN change_reason ON usable_row.change_reason = change_reason.written
    LEFT JOIN parsed_date ON usable_row.changed_on = parsed_date.text
    WHERE usable_row.change_kind IS NOT NULL
)

SELECT
    receipt_no,
    row_no,
    household_no,
    field,
    'change_invalid' AS reason
FROM weighed
WHERE field IS NOT NULL
