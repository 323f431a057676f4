-- Households that may be the successor of one that is gone, and what follows: `same` takes over number, used points and
-- parcels; NULL waits for a person. A pair that shares a member (kana, and birth date where given) and an address is
-- never decided by us; a predecessor that the ward names is believed if they share a member and nobody else comes into
-- question.
WITH gone AS (
    SELECT
        standing.household_no,
        keyed_member.kana,
        keyed_member.birth_date,
        keyed_member.place
    FROM standing
    INNER JOIN keyed_member ON standing.household_no = keyed_member.household_no
    WHERE standing.is_gone
),

added AS (
    SELECT
        standing.household_no,
        keyed_member.kana,
        keyed_member.birth_date,
        keyed_member.place
    FROM standing
    INNER JOIN keyed_member ON standing.household_no = keyed_member.household_no
    INNER JOIN entry ON standing.household_no = entry.household_no
    WHERE entry.nth > 0
),

pair AS (
    SELECT
        added.household_no,
        gone.household_no AS other_no,
        MAX(CASE WHEN added.place = gone.place THEN 1 ELSE 0 END) AS shares_place
    FROM added
    INNER JOIN gone
        ON
            added.kana = gone.kana
            AND added.household_no <> gone.household_no
            AND COALESCE(added.birth_date, gone.birth_date, DATE '1868-01-25')
            = COALESCE(gone.birth_date, added.birth_date, DATE '1868-01-25')
    GROUP BY added.household_no, gone.household_no
),

candidate AS (
    SELECT
        COALESCE(pair.household_no, declared.household_no) AS household_no,
        COALESCE(pair.other_no, declared.former_no) AS other_no,
        COALESCE(pair.shares_place, 0) AS shares_place,
        pair.household_no IS NOT NULL AND declared.household_no IS NOT NULL AS is_credible
    FROM pair
    FULL OUTER JOIN declared ON pair.household_no = declared.household_no AND pair.other_no = declared.former_no
    WHERE pair.shares_place = 1 OR declared.household_no IS NOT NULL
),

weighed AS (
    SELECT
        candidate.household_no,
        candidate.other_no,
        candidate.is_credible
        AND candidate.shares_place = 0
        AND COUNT(*) OVER (PARTITION BY candidate.household_no) = 1
        AND COUNT(*) OVER (PARTITION BY candidate.other_no) = 1 AS is_sure
    FROM candidate
    INNER JOIN standing AS successor ON candidate.household_no = successor.household_no
    INNER JOIN standing AS predecessor ON candidate.other_no = predecessor.household_no
    WHERE predecessor.is_gone AND candidate.household_no <> candidate.other_no
)

SELECT
    weighed.household_no,
    weighed.other_no,
    COALESCE(answer.verdict, CASE WHEN weighed.is_sure THEN 'same' END) AS verdict
FROM weighed
LEFT JOIN answer
    ON
        answer.kind = 'same_household'
        AND weighed.household_no = answer.household_no
        AND weighed.other_no = answer.other_no
