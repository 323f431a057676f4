-- Households whose members, names or address a revision of a file says otherwise than the state of it before.
(
    SELECT
        household_no,
        member_no,
        is_head,
        member_name,
        member_kana,
        birth_date,
        head_name,
        head_kana,
        postal_code,
        town,
        block,
        building,
        confidential
    FROM after_member
    EXCEPT
    SELECT
        household_no,
        member_no,
        is_head,
        member_name,
        member_kana,
        birth_date,
        head_name,
        head_kana,
        postal_code,
        town,
        block,
        building,
        confidential
    FROM before_member
)
UNION ALL
(
    SELECT
        household_no,
        member_no,
        is_head,
        member_name,
        member_kana,
        birth_date,
        head_name,
        head_kana,
        postal_code,
        town,
        block,
        building,
        confidential
    FROM before_member
    EXCEPT
    SELECT
        household_no,
        member_no,
        is_head,
        member_name,
        member_kana,
        birth_date,
        head_name,
        head_kana,
        postal_code,
        town,
        block,
        building,
        confidential
    FROM after_member
)
