-- A stated household size that is no number or not the number of the household's rows.
SELECT
    receipt_no,
    first_row AS row_no,
    household_no,
    'household_size' AS field,
    'size_mismatch' AS reason
FROM household_fact
WHERE stated_sizes < members OR smallest_size <> members OR largest_size <> members
