-- A household whose members come again: in the same file, or in a file that brings new households after another one
-- has brought it. Only who was taken has been brought: a household in quarantine may be sent again.
-- in: finding (of all other rules), bringing (files that bring households, with their place), published (households of
-- base files that have been published; a base has the place 0)
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

unsound AS (
    SELECT
        receipt_no,
        household_no
    FROM finding
    UNION
    SELECT
        receipt_no,
        household_no
    FROM repeated
),

taken AS (
    SELECT
        household_fact.household_no,
        bringing.place
    FROM household_fact
    INNER JOIN bringing ON household_fact.receipt_no = bringing.receipt_no
    LEFT JOIN
        unsound
        ON
            household_fact.receipt_no = unsound.receipt_no
            AND household_fact.household_no = unsound.household_no
    WHERE unsound.household_no IS NULL
    UNION ALL
    SELECT
        household_no,
        0 AS place
    FROM published
),

brought AS (
    SELECT
        household_no,
        MIN(place) AS first_place
    FROM taken
    GROUP BY household_no
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
