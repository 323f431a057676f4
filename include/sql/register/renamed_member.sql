-- Members of the households that only take over names and address; a member's own name is taken from the row that
-- speaks of the same person, and so is who is the head.
SELECT
    member.household_no,
    member.member_no,
    CASE
        WHEN
            MAX(CASE WHEN sent.is_head THEN 1 ELSE 0 END) OVER (PARTITION BY member.household_no) = 1
            THEN COALESCE(sent.is_head, FALSE)
        ELSE member.is_head
    END AS is_head,
    COALESCE(sent.member_name, member.member_name) AS member_name,
    COALESCE(sent.member_kana, member.member_kana) AS member_kana,
    member.birth_date,
    head.head_name,
    head.head_kana,
    head.postal_code,
    head.town,
    head.block,
    head.building,
    member.confidential
FROM member
INNER JOIN lasting_member
    ON member.household_no = lasting_member.household_no AND member.member_no = lasting_member.member_no
INNER JOIN sent_member AS head ON member.household_no = head.household_no AND head.is_head
LEFT JOIN same_member
    ON member.household_no = same_member.household_no AND member.member_no = same_member.member_no
LEFT JOIN sent_member AS sent
    ON same_member.household_no = sent.household_no AND same_member.sent_no = sent.member_no
