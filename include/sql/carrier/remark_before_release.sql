-- An event before the day on which its parcel was released.
SELECT
    shipment_event.shipment_id AS subject,
    '日時' AS field,
    'before_release' AS reason
FROM shipment_event
INNER JOIN shipment ON shipment_event.shipment_id = shipment.shipment_id
WHERE CAST(shipment_event.occurred_at AS DATE) < shipment.released_on
