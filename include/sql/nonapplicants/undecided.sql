-- How many orders received up to a day have been landed but not been decided: while there are any, nobody
-- knows who has not applied (G15).
-- in: web_application, amendment, postcard, decision (current); $until
WITH received AS (
    SELECT 'W:' || w.application_id AS application_id
    FROM web_application AS w
    WHERE CAST(w.submitted_at AS DATE) <= $until
    UNION ALL
    SELECT 'A:' || a.amendment_id AS application_id
    FROM amendment AS a
    WHERE CAST(a.requested_at AS DATE) <= $until
    UNION ALL
    SELECT 'P:' || p.card_no AS application_id
    FROM postcard AS p
    WHERE p.received_on <= $until OR p.postmarked_on <= $until
)

SELECT COUNT(*) AS orders
FROM received AS r
LEFT JOIN decision AS d ON r.application_id = d.application_id
WHERE d.application_id IS NULL
