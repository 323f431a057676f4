-- Losses, damages and delays that became known in a period: one row a shipment and kind of accident.
-- in: shipment(shipment_id, kind, state, handed_over_at, delivered_on),
--     shipment_event(shipment_id, state, occurred_at); $first_day, $last_day (both included)
WITH accident AS (
    SELECT
        e.shipment_id,
        e.state AS accident,
        CAST(MIN(e.occurred_at) AS DATE) AS occurred_on
    FROM shipment_event AS e
    WHERE e.state IN ('lost', 'damaged', 'delayed')
    GROUP BY e.shipment_id, e.state
)

SELECT
    a.occurred_on,
    s.kind,
    a.accident,
    s.shipment_id,
    CAST(s.handed_over_at AS DATE) AS handed_over_on,
    s.state,
    s.delivered_on
FROM accident AS a
INNER JOIN shipment AS s ON a.shipment_id = s.shipment_id
WHERE a.occurred_on >= $first_day AND a.occurred_on <= $last_day
ORDER BY a.occurred_on ASC, s.kind ASC, a.accident ASC, s.shipment_id ASC
