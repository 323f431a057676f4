-- Member numbers, where the file has them, that are not 1, 2, … up to the number of rows.
SELECT
    receipt_no,
    first_row AS row_no,
    household_no,
    'member_no' AS field,
    'member_no_gap' AS reason
FROM household_fact
WHERE
    numbered > 0
    AND (
        distinct_numbers < members
        OR first_number <> 1
        OR last_number <> members
    )
