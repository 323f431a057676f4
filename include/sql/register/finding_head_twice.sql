-- More than one head: by relationship where the file has it, else by name.
SELECT
    receipt_no,
    first_row AS row_no,
    household_no,
    CASE WHEN relationships > 0 THEN 'relationship' ELSE 'head_name' END AS field,
    'head_twice' AS reason
FROM household_fact
WHERE CASE WHEN relationships > 0 THEN heads_by_relationship ELSE heads_by_name END > 1
