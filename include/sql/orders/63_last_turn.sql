-- How many amendments the household with the most has made.
SELECT COALESCE(MAX(turn), 0) AS turn
FROM amendment_case
WHERE household_no IS NOT NULL
