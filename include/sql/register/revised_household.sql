-- Households whose members, names or address a revision of a file says otherwise than the state of it before.
WITH spoken_of AS (
    SELECT
        'before' AS told,
        before_member.*
    FROM before_member
    UNION ALL
    SELECT
        'after' AS told,
        after_member.*
    FROM after_member
)

SELECT household_no
FROM spoken_of
GROUP BY
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
HAVING COUNT(DISTINCT told) = 1
