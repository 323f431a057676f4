-- Households that said they want nothing: by postcard, or by phone.
-- in: decision (current), amendment
SELECT d.household_no
FROM decision AS d
WHERE d.reason = 'declined' AND d.household_no IS NOT NULL
UNION
SELECT d.household_no
FROM decision AS d
INNER JOIN amendment AS a ON d.application_id = 'A:' || a.amendment_id
WHERE a.action = 'decline' AND d.status = 'accepted'
