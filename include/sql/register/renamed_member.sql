-- Members of the households that only take over names and address; a member's own name is taken from the row with
-- the same number, unless the birth dates say that it is another person.
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
INNER JOIN change ON member.household_no = change.household_no
INNER JOIN sent_member AS head ON member.household_no = head.household_no AND head.is_head
LEFT JOIN sent_member AS sent
    ON
        member.household_no = sent.household_no
        AND member.member_no = sent.member_no
        AND COALESCE(member.birth_date, sent.birth_date, DATE '1868-01-25')
        = COALESCE(sent.birth_date, member.birth_date, DATE '1868-01-25')
WHERE change.change_kind <> '削除' AND change.is_known AND NOT change.changes_members
