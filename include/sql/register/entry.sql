-- The file that first named each household.
SELECT
    household_no,
    MIN(nth) AS nth
FROM sighting
GROUP BY household_no
