-- Members of the households that a late successor stands in for: they stay who they were on the reference date.
SELECT
    member.household_no,
    member.member_no,
    member.member_name,
    member.member_kana,
    member.birth_date
FROM member
INNER JOIN takeover ON member.household_no = takeover.identity_no
WHERE takeover.is_late
