-- A parcel that arrived or came back before it was handed over.
SELECT
    shipment_id AS subject,
    '日時' AS field,
    'hand_over_late' AS reason
FROM course
WHERE first_hand_over > first_end
