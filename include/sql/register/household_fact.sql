-- What a file says of each household, its rows taken together. Blanks around a value make no other value of it.
SELECT
    receipt_no,
    household_no,
    MIN(row_no) AS first_row,
    COUNT(*) AS members,
    MIN(stated_size) AS smallest_size,
    MAX(stated_size) AS largest_size,
    COUNT(stated_size) AS stated_sizes,
    SUM(CASE WHEN relationship <> '' THEN 1 ELSE 0 END) AS relationships,
    SUM(CASE WHEN relationship = '世帯主' THEN 1 ELSE 0 END) AS heads_by_relationship,
    SUM(CASE WHEN member_name = head_name THEN 1 ELSE 0 END) AS heads_by_name,
    COUNT(member_no) AS numbered,
    COUNT(DISTINCT member_number) AS distinct_numbers,
    MIN(member_number) AS first_number,
    MAX(member_number) AS last_number,
    CASE
        WHEN MIN(TRIM(BOTH $blanks FROM head_name)) <> MAX(TRIM(BOTH $blanks FROM head_name)) THEN 'head_name'
        WHEN MIN(TRIM(BOTH $blanks FROM head_kana)) <> MAX(TRIM(BOTH $blanks FROM head_kana)) THEN 'head_kana'
        WHEN MIN(TRIM(BOTH $blanks FROM postal_digits)) <> MAX(TRIM(BOTH $blanks FROM postal_digits)) THEN 'postal_code'
        WHEN MIN(TRIM(BOTH $blanks FROM town)) <> MAX(TRIM(BOTH $blanks FROM town)) THEN 'town'
        WHEN MIN(TRIM(BOTH $blanks FROM block)) <> MAX(TRIM(BOTH $blanks FROM block)) THEN 'block'
        WHEN MIN(TRIM(BOTH $blanks FROM building)) <> MAX(TRIM(BOTH $blanks FROM building)) THEN 'building'
        WHEN MIN(change_key) <> MAX(change_key) THEN 'change_kind'
    END AS conflicting_field
FROM usable_row
GROUP BY receipt_no, household_no
