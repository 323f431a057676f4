-- Rows that name their household (1 to 15 digits), with the fields that rules compare.
SELECT
    receipt_no,
    row_no,
    household_no,
    head_name,
    head_kana,
    member_name,
    member_kana,
    town,
    block,
    building,
    birth_date,
    change_kind,
    TRANSLATE(change_reason, $blanks, '') AS change_reason,
    changed_on,
    -- 1, 0 or nothing, in whatever width
    TRANSLATE(confidential, '０１' || $blanks, '01') AS confidential,
    TRANSLATE(relationship, $blanks, '') AS relationship,
    REPLACE(postal_code, '-', '') AS postal_digits,
    -- NULL when the stated size is no number
    CASE
        WHEN TRANSLATE(household_size, '0123456789', '') = '' AND LENGTH(household_size) BETWEEN 1 AND 4
            THEN CAST(household_size AS INTEGER)
    END AS stated_size,
    CASE WHEN TRANSLATE(member_no, $blanks, '') <> '' THEN member_no END AS member_no,
    CASE
        WHEN TRANSLATE(member_no, '0123456789', '') = '' AND LENGTH(member_no) BETWEEN 1 AND 4
            THEN CAST(member_no AS INTEGER)
    END AS member_number,
    -- who a row speaks of: the member's number, else all that is known of the person
    CASE
        WHEN TRANSLATE(member_no, $blanks, '') <> '' THEN member_no
        ELSE member_name || '/' || member_kana || '/' || COALESCE(birth_date, '')
    END AS member_key,
    COALESCE(TRIM(BOTH $blanks FROM change_kind), '')
    || '/' || COALESCE(TRIM(BOTH $blanks FROM change_reason), '')
    || '/' || COALESCE(TRIM(BOTH $blanks FROM changed_on), '') AS change_key
FROM ward_row
WHERE TRANSLATE(household_no, '0123456789', '') = '' AND LENGTH(household_no) BETWEEN 1 AND 15
