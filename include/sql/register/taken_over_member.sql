-- Members once successors have taken their predecessors' place, under the number that we know them by. One that is
-- named only by an event after the reference date brings an address and a head; the members stay who they were on it.
WITH takeover AS (
    SELECT
        alias.household_no AS successor_no,
        alias.identity_no,
        standing.state = 'held' AND NOT standing.is_gone AS is_late
    FROM alias
    INNER JOIN standing ON alias.household_no = standing.household_no
    WHERE alias.is_last
)

SELECT
    COALESCE(takeover.identity_no, member.household_no) AS household_no,
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
LEFT JOIN alias ON member.household_no = alias.household_no
LEFT JOIN takeover ON member.household_no = takeover.successor_no
WHERE alias.household_no IS NULL OR (alias.is_last AND NOT takeover.is_late)
UNION ALL
SELECT
    member.household_no,
    member.member_no,
    member.is_head,
    member.member_name,
    member.member_kana,
    member.birth_date,
    head.head_name,
    head.head_kana,
    head.postal_code,
    head.town,
    head.block,
    head.building,
    member.confidential
FROM member
INNER JOIN takeover ON member.household_no = takeover.identity_no AND takeover.is_late
INNER JOIN member AS head ON takeover.successor_no = head.household_no AND head.is_head
