-- Whom to look for in other households.
SELECT
    household_no,
    birth_date,
    member_kana
FROM member
