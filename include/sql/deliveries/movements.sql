-- What happened to how many shipments, by day and kind: released, handed over, delivered, returned, accidents.
-- A shipment counts once for each, on the first day it was so; a delivery that was undone does not count.
-- in: shipment(shipment_id, kind, released_on, handed_over_at, delivered_on),
--     shipment_event(shipment_id, state, occurred_at); $first_day, $last_day (both included)
WITH reported AS (
    SELECT
        e.shipment_id,
        e.state AS movement,
        CAST(MIN(e.occurred_at) AS DATE) AS moved_on
    FROM shipment_event AS e
    WHERE
        e.state IN (
            'returned_unknown_address', 'returned_refused', 'returned_expired', 'lost', 'damaged', 'delayed'
        )
    GROUP BY e.shipment_id, e.state
),

movement AS (
    SELECT
        kind,
        'released' AS movement,
        released_on AS moved_on
    FROM shipment
    UNION ALL
    SELECT
        kind,
        'handed_over' AS movement,
        CAST(handed_over_at AS DATE) AS moved_on
    FROM shipment
    UNION ALL
    SELECT
        kind,
        'delivered' AS movement,
        delivered_on AS moved_on
    FROM shipment
    UNION ALL
    SELECT
        s.kind,
        r.movement,
        r.moved_on
    FROM reported AS r
    INNER JOIN shipment AS s ON r.shipment_id = s.shipment_id
)

SELECT
    moved_on,
    kind,
    movement,
    COUNT(*) AS shipments
FROM movement
WHERE moved_on >= $first_day AND moved_on <= $last_day
GROUP BY moved_on, kind, movement
ORDER BY moved_on ASC, kind ASC, movement ASC
