-- Households that the ward has stopped and nobody has resumed since.
SELECT DISTINCT
    stop_row.household_no,
    stop_row.receipt_no
FROM stop_row
INNER JOIN standing ON stop_row.household_no = standing.household_no
LEFT JOIN answer
    ON
        answer.kind = 'stopped'
        AND stop_row.household_no = answer.household_no
        AND stop_row.receipt_no = answer.receipt_no
WHERE answer.verdict IS NULL
