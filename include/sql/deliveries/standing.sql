-- How the shipments handed over up to a day stood at its end, by kind; the five outcomes add up to handed_over.
-- in: shipment(shipment_id, kind, handed_over_at, delivered_on),
--     shipment_event(shipment_id, state, occurred_at); $last_day (included)
WITH failed AS (
    SELECT
        e.shipment_id,
        MAX(CASE e.state WHEN 'damaged' THEN 1 WHEN 'lost' THEN 2 ELSE 3 END) AS gravity
    FROM shipment_event AS e
    WHERE
        e.state IN ('returned_unknown_address', 'returned_refused', 'returned_expired', 'lost', 'damaged')
        AND CAST(e.occurred_at AS DATE) <= $last_day
    GROUP BY e.shipment_id
),

standing AS (
    SELECT
        s.kind,
        CASE
            WHEN s.delivered_on <= $last_day THEN 'delivered'
            WHEN f.gravity = 3 THEN 'returned'
            WHEN f.gravity = 2 THEN 'lost'
            WHEN f.gravity = 1 THEN 'damaged'
            ELSE 'on_the_way'
        END AS outcome
    FROM shipment AS s
    LEFT JOIN failed AS f ON s.shipment_id = f.shipment_id
    WHERE CAST(s.handed_over_at AS DATE) <= $last_day
)

SELECT
    kind,
    COUNT(*) AS handed_over,
    COUNT(CASE WHEN outcome = 'delivered' THEN 1 END) AS delivered,
    COUNT(CASE WHEN outcome = 'returned' THEN 1 END) AS returned,
    COUNT(CASE WHEN outcome = 'lost' THEN 1 END) AS lost,
    COUNT(CASE WHEN outcome = 'damaged' THEN 1 END) AS damaged,
    COUNT(CASE WHEN outcome = 'on_the_way' THEN 1 END) AS on_the_way
FROM standing
GROUP BY kind
ORDER BY kind ASC
