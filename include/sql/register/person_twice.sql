-- A person (kana and birth date, where given) in two live households: the household that the person came to later
-- waits; both do when the person came to both in one file.
WITH person AS (
    SELECT DISTINCT
        keyed_member.household_no,
        keyed_member.kana,
        keyed_member.birth_date
    FROM keyed_member
    INNER JOIN standing ON keyed_member.household_no = standing.household_no
    WHERE standing.state = 'live' AND keyed_member.birth_date IS NOT NULL AND keyed_member.kana <> ''
),

shared AS (
    SELECT
        kana,
        birth_date
    FROM person
    GROUP BY kana, birth_date
    HAVING COUNT(*) > 1
),

came AS (
    SELECT
        person.household_no,
        person.kana,
        person.birth_date,
        COALESCE(MIN(sighting.nth), 0) AS nth
    FROM person
    INNER JOIN shared ON person.kana = shared.kana AND person.birth_date = shared.birth_date
    LEFT JOIN alias ON person.household_no = alias.identity_no
    LEFT JOIN sighting
        ON
            COALESCE(alias.household_no, person.household_no) = sighting.household_no
            AND person.kana = sighting.kana
            AND person.birth_date = sighting.birth_date
    GROUP BY person.household_no, person.kana, person.birth_date
),

pair AS (
    SELECT DISTINCT
        later.household_no,
        earlier.household_no AS other_no
    FROM came AS later
    INNER JOIN came AS earlier
        ON
            later.kana = earlier.kana
            AND later.birth_date = earlier.birth_date
            AND later.household_no <> earlier.household_no
            AND later.nth >= earlier.nth
)

SELECT
    pair.household_no,
    pair.other_no,
    MAX(answer.verdict) AS verdict
FROM pair
LEFT JOIN answer
    ON
        answer.kind = 'person_twice'
        AND (
            (pair.household_no = answer.household_no AND pair.other_no = answer.other_no)
            OR (pair.household_no = answer.other_no AND pair.other_no = answer.household_no)
        )
GROUP BY pair.household_no, pair.other_no
