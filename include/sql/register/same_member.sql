-- Which member a row that was sent speaks of: the one of the same kana, or else name, unless the birth dates say that
-- it is another person; of those who are left the one born on the same day, or else of the same number where nobody
-- else's number has changed. Where two come into question nobody is.
-- in: lasting_member, sent_member, each with name_key and kana_key: as they are found again in any way of writing
WITH alike AS (
    SELECT
        lasting_member.household_no,
        lasting_member.member_no,
        sent_member.member_no AS sent_no,
        CASE
            WHEN
                lasting_member.kana_key = sent_member.kana_key AND lasting_member.name_key = sent_member.name_key
                THEN 1
            WHEN lasting_member.kana_key = sent_member.kana_key THEN 2
            WHEN lasting_member.name_key = sent_member.name_key THEN 3
        END AS place,
        CASE
            WHEN lasting_member.birth_date = sent_member.birth_date THEN 1
            WHEN lasting_member.member_no = sent_member.member_no THEN 2
        END AS place_of_rest
    FROM lasting_member
    INNER JOIN sent_member
        ON
            lasting_member.household_no = sent_member.household_no
            AND COALESCE(lasting_member.birth_date, sent_member.birth_date, DATE '1868-01-25')
            = COALESCE(sent_member.birth_date, lasting_member.birth_date, DATE '1868-01-25')
),

by_name AS (
    SELECT
        one.household_no,
        one.member_no,
        one.sent_no
    FROM alike AS one
    INNER JOIN alike AS other
        ON
            one.household_no = other.household_no
            AND (one.member_no = other.member_no OR one.sent_no = other.sent_no)
            AND one.place >= other.place
    GROUP BY one.household_no, one.member_no, one.sent_no
    HAVING COUNT(*) = 1
),

renumbered AS (
    SELECT DISTINCT household_no
    FROM by_name
    WHERE member_no <> sent_no
),

rest AS (
    SELECT
        alike.household_no,
        alike.member_no,
        alike.sent_no,
        alike.place_of_rest AS place
    FROM alike
    LEFT JOIN by_name
        ON
            alike.household_no = by_name.household_no
            AND (alike.member_no = by_name.member_no OR alike.sent_no = by_name.sent_no)
    LEFT JOIN renumbered ON alike.household_no = renumbered.household_no
    WHERE
        by_name.household_no IS NULL
        AND (alike.place_of_rest = 1 OR (alike.place_of_rest = 2 AND renumbered.household_no IS NULL))
)

SELECT
    household_no,
    member_no,
    sent_no
FROM by_name
UNION ALL
SELECT
    one.household_no,
    one.member_no,
    one.sent_no
FROM rest AS one
INNER JOIN rest AS other
    ON
        one.household_no = other.household_no
        AND (one.member_no = other.member_no OR one.sent_no = other.sent_no)
        AND one.place >= other.place
GROUP BY one.household_no, one.member_no, one.sent_no
HAVING COUNT(*) = 1
