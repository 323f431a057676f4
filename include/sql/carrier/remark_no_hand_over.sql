-- A parcel that arrived or came back, and was never handed over.
SELECT
    shipment_id AS subject,
    '状態' AS field,
    'no_hand_over' AS reason
FROM course
WHERE first_end IS NOT NULL AND first_hand_over IS NULL
