-- Members of every household of the version.
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
    building
FROM member
ORDER BY household_no, member_no
