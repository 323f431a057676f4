-- Members once the ward has given some households another address; of several rows of a file the last one counts (G23).
-- in: member, readdress (one file, rows in their order)
WITH newest AS (
    SELECT
        household_no,
        MAX(row_no) AS row_no
    FROM readdress
    GROUP BY household_no
),

said AS (
    SELECT
        readdress.household_no,
        REPLACE(readdress.postal_code, '-', '') AS postal_code,
        readdress.town,
        readdress.block,
        readdress.building
    FROM readdress
    INNER JOIN newest ON readdress.household_no = newest.household_no AND readdress.row_no = newest.row_no
)

SELECT
    member.household_no,
    member.member_no,
    member.is_head,
    member.member_name,
    member.member_kana,
    member.birth_date,
    member.head_name,
    member.head_kana,
    CASE WHEN said.household_no IS NULL THEN member.postal_code ELSE said.postal_code END AS postal_code,
    CASE WHEN said.household_no IS NULL THEN member.town ELSE said.town END AS town,
    CASE WHEN said.household_no IS NULL THEN member.block ELSE said.block END AS block,
    CASE WHEN said.household_no IS NULL THEN member.building ELSE said.building END AS building,
    member.confidential
FROM member
LEFT JOIN said ON member.household_no = said.household_no
