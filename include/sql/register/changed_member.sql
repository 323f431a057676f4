-- Members after a corrections file: those of untouched and deleted households stay; those of households that are new
-- or whose members change are the rows sent; the others keep their members and take over names and address.
SELECT
    member.household_no,
    member.member_no,
    member.is_head,
    member.member_name,
    member.member_kana,
    member.birth_date,
    member.head_name,
    member.head_kana,
    member.postal_code,
    member.town,
    member.block,
    member.building,
    member.confidential
FROM member
LEFT JOIN change ON member.household_no = change.household_no
WHERE change.household_no IS NULL OR change.change_kind = '削除'
UNION ALL
SELECT
    sent_member.household_no,
    sent_member.member_no,
    sent_member.is_head,
    sent_member.member_name,
    sent_member.member_kana,
    sent_member.birth_date,
    sent_member.head_name,
    sent_member.head_kana,
    sent_member.postal_code,
    sent_member.town,
    sent_member.block,
    sent_member.building,
    sent_member.confidential
FROM sent_member
INNER JOIN change ON sent_member.household_no = change.household_no
WHERE change.change_kind <> '削除' AND (change.changes_members OR NOT change.is_known)
UNION ALL
SELECT
    renamed_member.household_no,
    renamed_member.member_no,
    renamed_member.is_head,
    renamed_member.member_name,
    renamed_member.member_kana,
    renamed_member.birth_date,
    renamed_member.head_name,
    renamed_member.head_kana,
    renamed_member.postal_code,
    renamed_member.town,
    renamed_member.block,
    renamed_member.building,
    renamed_member.confidential
FROM renamed_member
