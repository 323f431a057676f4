-- The delivery instruction in force for each household: the last one of the ward. It counts when it says how and
-- where: a kept parcel needs the place that keeps it, another address the address (G09).
-- in: special_delivery, rows in the order of the ward's files (place)
WITH newest AS (
    SELECT
        household_no,
        MAX(place) AS place
    FROM special_delivery
    GROUP BY household_no
)

SELECT
    special_delivery.household_no,
    special_delivery.receipt_no,
    special_delivery.row_no,
    CASE TRANSLATE(COALESCE(special_delivery.method, ''), $blanks, '')
        WHEN '営業所留' THEN TRANSLATE(COALESCE(special_delivery.held_at, ''), $blanks, '') <> ''
        WHEN '局留' THEN TRANSLATE(COALESCE(special_delivery.held_at, ''), $blanks, '') <> ''
        WHEN '別住所' THEN TRANSLATE(COALESCE(special_delivery.address, ''), $blanks, '') <> ''
        ELSE FALSE
    END
    AND TRANSLATE(COALESCE(special_delivery.postal_code, ''), $blanks, '') <> ''
    AND TRANSLATE(COALESCE(special_delivery.recipient_name, ''), $blanks, '') <> '' AS is_complete
FROM special_delivery
INNER JOIN newest
    ON special_delivery.household_no = newest.household_no AND special_delivery.place = newest.place
