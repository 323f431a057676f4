-- Where every household of the register stands after the deadline: exactly one of applied, toilets, waiting,
-- not_reached, excluded (G15; reconciliation, non-applicants).
-- in: household, quarantined, decision (current), possible_sender, declined, catalogue_reached, shipment
WITH by_decision AS (
    SELECT
        d.household_no,
        MAX(CASE WHEN d.source <> 'phone' AND d.status = 'accepted' THEN 1 ELSE 0 END) AS accepted,
        MAX(CASE WHEN d.status = 'review' THEN 1 ELSE 0 END) AS in_review
    FROM decision AS d
    WHERE d.household_no IS NOT NULL
    GROUP BY d.household_no
),

by_shipment AS (
    SELECT
        s.household_no,
        MAX(CASE WHEN s.kind = 'goods' THEN 1 ELSE 0 END) AS goods_released,
        MAX(CASE WHEN s.kind = 'toilet' THEN 1 ELSE 0 END) AS toilets_released
    FROM shipment AS s
    WHERE s.released_on IS NOT NULL
    GROUP BY s.household_no
)

SELECT
    h.household_no,
    h.ward_no,
    h.members,
    h.confidential,
    CASE
        WHEN s.toilets_released = 1 THEN 'toilets'
        WHEN s.goods_released = 1 THEN 'applied'
        WHEN h.state = 'deleted' THEN 'excluded'
        WHEN d.accepted = 1 THEN 'applied'
        WHEN r.household_no IS NULL THEN 'not_reached'
        WHEN h.state = 'held' OR (h.confidential AND NOT h.instructed) THEN 'waiting'
        WHEN d.in_review = 1 OR p.household_no IS NOT NULL THEN 'waiting'
        WHEN n.household_no IS NOT NULL AND NOT $declined_households THEN 'excluded'
        ELSE 'toilets'
    END AS standing
FROM household AS h
LEFT JOIN by_decision AS d ON h.household_no = d.household_no
LEFT JOIN by_shipment AS s ON h.household_no = s.household_no
LEFT JOIN catalogue_reached AS r ON h.household_no = r.household_no
LEFT JOIN possible_sender AS p ON h.household_no = p.household_no
LEFT JOIN declined AS n ON h.household_no = n.household_no
UNION ALL
SELECT
    q.household_no,
    q.household_no AS ward_no,
    0 AS members,
    FALSE AS confidential,
    'not_reached' AS standing
FROM quarantined AS q
LEFT JOIN household AS h ON q.household_no = h.household_no
WHERE h.household_no IS NULL
ORDER BY household_no ASC
