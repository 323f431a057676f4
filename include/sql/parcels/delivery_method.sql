-- How and where the ward has each confidential household's parcel delivered, as it wrote it; of the
-- method every blank is taken away, as when it was judged (G09).
-- in: parcel (shipment_id, household_no, application_no), instruction (the last one of each household)
SELECT
    parcel.shipment_id,
    parcel.application_no,
    TRANSLATE(i.method, $blanks, '') AS delivery_method,
    i.postal_code,
    i.address,
    COALESCE(i.building, '') AS building,
    COALESCE(i.held_at, '') AS held_at,
    i.recipient_name
FROM parcel
INNER JOIN instruction AS i ON parcel.household_no = i.household_no
ORDER BY i.postal_code ASC, parcel.shipment_id ASC
