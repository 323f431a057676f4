-- What the ward says of late successors' members, under the number that we know the household by.
SELECT
    takeover.identity_no AS household_no,
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
INNER JOIN takeover ON member.household_no = takeover.successor_no
WHERE takeover.is_late
