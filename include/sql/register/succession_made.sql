-- Successions that count: said by a person, or by the ward and beyond doubt.
SELECT
    household_no,
    other_no
FROM succession
WHERE verdict = 'same'
ORDER BY household_no ASC NULLS LAST, other_no ASC NULLS LAST
