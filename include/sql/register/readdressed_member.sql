-- Members once the ward has given some households another address; of several rows of a file the last one counts
-- (G23). What is said of one number of a household is said of all.
-- in: member, readdress (one file, rows in their order), alias
WITH told AS (
    SELECT
        COALESCE(other.household_no, readdress.household_no) AS household_no,
        readdress.row_no
    FROM readdress
    LEFT JOIN alias AS named ON readdress.household_no = named.household_no
    LEFT JOIN alias AS other ON named.identity_no = other.identity_no
),

newest AS (
    SELECT
        household_no,
        MAX(row_no) AS row_no
    FROM told
    GROUP BY household_no
),

said AS (
    SELECT
        newest.household_no,
        REPLACE(readdress.postal_code, '-', '') AS postal_code,
        readdress.town,
        readdress.block,
        readdress.building
    FROM newest
    INNER JOIN readdress ON newest.row_no = readdress.row_no
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
