-- Members of the households that stay who they were on the reference date, and only take over names and address.
SELECT
    member.household_no,
    member.member_no,
    member.member_name,
    member.member_kana,
    member.birth_date
FROM member
INNER JOIN change ON member.household_no = change.household_no
WHERE change.change_kind <> '削除' AND change.is_known AND NOT change.changes_members
