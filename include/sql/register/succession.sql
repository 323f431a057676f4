-- Households that may be the successor of one that is gone, and what follows: `same` takes over number, used points and
-- parcels; NULL waits for a person. A pair that shares a member (kana, and birth date where given) and an address is
-- never decided by us; a predecessor that the ward names is believed if they share a member and nobody else comes into
-- question. Whoever and wherever they have been in any file counts, so that a later move makes no question go away.
WITH gone AS (
    SELECT DISTINCT
        sighting.household_no,
        sighting.kana,
        sighting.birth_date
    FROM sighting
    INNER JOIN standing ON sighting.household_no = standing.household_no
    WHERE standing.is_gone
),

added AS (
    SELECT DISTINCT
        sighting.household_no,
        sighting.kana,
        sighting.birth_date
    FROM sighting
    INNER JOIN entry ON sighting.household_no = entry.household_no
    WHERE entry.nth > 0
),

sharing_member AS (
    SELECT DISTINCT
        added.household_no,
        gone.household_no AS other_no
    FROM added
    INNER JOIN gone
        ON
            added.kana = gone.kana
            AND added.household_no <> gone.household_no
            AND COALESCE(added.birth_date, gone.birth_date, DATE '1868-01-25')
            = COALESCE(gone.birth_date, added.birth_date, DATE '1868-01-25')
),

sharing_place AS (
    SELECT DISTINCT
        added.household_no,
        gone.household_no AS other_no
    FROM place_seen AS added
    INNER JOIN place_seen AS gone ON added.place = gone.place
),

candidate AS (
    SELECT
        member.household_no,
        member.other_no
    FROM sharing_member AS member
    INNER JOIN sharing_place AS place ON member.household_no = place.household_no AND member.other_no = place.other_no
    UNION
    SELECT
        household_no,
        former_no AS other_no
    FROM declared
    UNION
    SELECT
        household_no,
        other_no
    FROM answer
    WHERE kind = 'same_household' AND verdict = 'same'
),

weighed AS (
    SELECT
        candidate.household_no,
        candidate.other_no,
        predecessor.is_gone AND NOT successor.is_gone AS is_open,
        member.household_no IS NOT NULL
        AND place.household_no IS NULL
        AND COUNT(*) OVER (PARTITION BY candidate.household_no) = 1
        AND COUNT(*) OVER (PARTITION BY candidate.other_no) = 1
        AND predecessor.is_gone AS is_sure
    FROM candidate
    INNER JOIN standing AS successor ON candidate.household_no = successor.household_no
    INNER JOIN standing AS predecessor ON candidate.other_no = predecessor.household_no
    LEFT JOIN sharing_member AS member
        ON candidate.household_no = member.household_no AND candidate.other_no = member.other_no
    LEFT JOIN sharing_place AS place
        ON candidate.household_no = place.household_no AND candidate.other_no = place.other_no
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
WHERE weighed.is_open OR weighed.is_sure OR answer.verdict = 'same'
