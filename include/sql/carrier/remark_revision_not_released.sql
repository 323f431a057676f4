-- An event of a revision that has not been released.
SELECT
    shipment_event.shipment_id AS subject,
    '改訂' AS field,
    'revision_not_released' AS reason
FROM shipment_event
INNER JOIN shipment ON shipment_event.shipment_id = shipment.shipment_id
WHERE shipment_event.revision > COALESCE(shipment.released_rev, 0)
