-- 秘匿区分 that is neither 1 nor 0 nor blank: whoever it speaks of may have to be protected (G09).
SELECT
    receipt_no,
    row_no,
    household_no,
    'confidential' AS field,
    'confidential_invalid' AS reason
FROM usable_row
WHERE confidential NOT IN ('', '0', '1')
