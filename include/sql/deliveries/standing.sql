-- How the shipments handed over up to a day stood at its end, by kind; the four outcomes add up to handed_over.
-- in: shipment(shipment_id, kind, handed_over_at, delivered_on),
--     shipment_event(shipment_id, state, occurred_at); $last_day (included)
WITH failed AS (
    SELECT
        e.shipment_id,
        MAX(CASE WHEN e.state = 'lost' THEN 0 ELSE 1 END) AS returned
    FROM shipment_event AS e
    WHERE
        e.state IN ('returned_unknown_address', 'returned_refused', 'returned_expired', 'lost')
        AND CAST(e.occurred_at AS DATE) <= $last_day
    GROUP BY e.shipment_id
),

standing AS (
    SELECT
        s.kind,
        CASE
            WHEN s.delivered_on <= $last_day THEN 'delivered'
            WHEN f.returned = 1 THEN 'returned'
            WHEN f.returned = 0 THEN 'lost'
            ELSE 'on_the_way'
        END AS outcome
    FROM shipment AS s
    LEFT JOIN failed AS f ON s.shipment_id = f.shipment_id
    WHERE CAST(s.handed_over_at AS DATE) <= $last_day
)

SELECT
    kind,
    COUNT(*) AS handed_over,
    SUM(CASE WHEN outcome = 'delivered' THEN 1 ELSE 0 END) AS delivered,
    SUM(CASE WHEN outcome = 'returned' THEN 1 ELSE 0 END) AS returned,
    SUM(CASE WHEN outcome = 'lost' THEN 1 ELSE 0 END) AS lost,
    SUM(CASE WHEN outcome = 'on_the_way' THEN 1 ELSE 0 END) AS on_the_way
FROM standing
GROUP BY kind
ORDER BY kind ASC
