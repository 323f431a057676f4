-- Names and addresses as they are to be compared with each other.
SELECT
    household_no,
    birth_date,
    COALESCE(member_kana, '') AS member_kana,
    postal_code || '/' || town || '/' || block || '/' || COALESCE(building, '') AS place_text
FROM member
