-- Up to when a household has withdrawn by phone what it had sent.
SELECT
    household_no,
    MAX(requested_at) AS requested_at
FROM amendment_effect
WHERE status = 'accepted' AND action IN ('cancel', 'decline')
GROUP BY household_no
