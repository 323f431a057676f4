-- A parcel with more than one tracking number.
SELECT
    shipment_id AS subject,
    '送り状番号' AS field,
    'tracking_no_changed' AS reason
FROM course
WHERE tracking_numbers > 1
