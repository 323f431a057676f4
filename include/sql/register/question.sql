-- What a person is asked, one row a question: of two households that wait for each other the first stands for both.
WITH left_out AS (
    SELECT
        removed.household_no,
        removed.receipt_no
    FROM removed
    INNER JOIN standing ON removed.household_no = standing.ward_no
    WHERE NOT standing.is_gone
    UNION
    SELECT
        household_no,
        receipt_no
    FROM withdrawn
)

SELECT
    'same_household' AS kind,
    household_no,
    other_no,
    NULL AS receipt_no
FROM succession
WHERE verdict IS NULL
UNION ALL
SELECT
    'person_twice' AS kind,
    twice.household_no,
    twice.other_no,
    NULL AS receipt_no
FROM person_twice AS twice
LEFT JOIN person_twice AS mirrored
    ON twice.household_no = mirrored.other_no AND twice.other_no = mirrored.household_no
WHERE twice.verdict IS NULL AND (mirrored.household_no IS NULL OR twice.household_no < twice.other_no)
UNION ALL
SELECT
    'removed' AS kind,
    removed.household_no,
    NULL AS other_no,
    removed.receipt_no
FROM left_out AS removed
LEFT JOIN answer
    ON
        answer.kind = 'removed'
        AND removed.household_no = answer.household_no
        AND removed.receipt_no = answer.receipt_no
WHERE answer.verdict IS NULL
UNION ALL
SELECT
    'stopped' AS kind,
    household_no,
    NULL AS other_no,
    receipt_no
FROM stopped
ORDER BY kind ASC NULLS LAST, household_no ASC NULLS LAST, other_no ASC NULLS LAST, receipt_no ASC NULLS LAST
