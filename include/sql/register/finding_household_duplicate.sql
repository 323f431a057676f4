-- A household whose members come again: in the same file, or in a file that brings new households after another one
-- has brought it.
WITH repeated AS (
    SELECT
        usable_row.receipt_no,
        usable_row.household_no
    FROM usable_row
    INNER JOIN
        household_fact
        ON
            usable_row.receipt_no = household_fact.receipt_no
            AND usable_row.household_no = household_fact.household_no
    WHERE household_fact.members > household_fact.smallest_size
    GROUP BY usable_row.receipt_no, usable_row.household_no
    HAVING COUNT(DISTINCT usable_row.member_key) < COUNT(*)
),

brought AS (
    SELECT
        household_fact.household_no,
        MIN(bringing.place) AS first_place
    FROM household_fact
    INNER JOIN bringing ON household_fact.receipt_no = bringing.receipt_no
    GROUP BY household_fact.household_no
)

SELECT
    household_fact.receipt_no,
    household_fact.first_row AS row_no,
    household_fact.household_no,
    'household_no' AS field,
    'household_duplicate' AS reason
FROM household_fact
LEFT JOIN
    repeated
    ON
        household_fact.receipt_no = repeated.receipt_no
        AND household_fact.household_no = repeated.household_no
LEFT JOIN bringing ON household_fact.receipt_no = bringing.receipt_no
LEFT JOIN brought ON household_fact.household_no = brought.household_no
WHERE repeated.household_no IS NOT NULL OR bringing.place > brought.first_place
