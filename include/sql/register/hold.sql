-- What holds a household until a person has decided; of several the first.
WITH reason AS (
    SELECT
        household_no,
        1 AS place
    FROM succession
    WHERE verdict IS NULL
    UNION ALL
    SELECT
        household_no,
        2 AS place
    FROM person_twice
    WHERE verdict IS NULL OR verdict = 'same'
    UNION ALL
    SELECT
        household_no,
        3 AS place
    FROM stopped
    UNION ALL
    SELECT
        household_no,
        4 AS place
    FROM caution
    UNION ALL
    SELECT
        household_no,
        5 AS place
    FROM doubt
)

SELECT
    household_no,
    CASE MIN(place)
        WHEN 1 THEN 'same_household'
        WHEN 2 THEN 'person_twice'
        WHEN 3 THEN 'stopped'
        WHEN 4 THEN 'awaiting_release'
        ELSE 'awaiting_answer'
    END AS reason
FROM reason
GROUP BY household_no
