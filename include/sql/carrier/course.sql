-- What the events of a parcel say of its course, one row a parcel.
SELECT
    shipment_id,
    MIN(CASE WHEN state = 'handed_over' THEN occurred_at END) AS first_hand_over,
    MIN(
        CASE
            WHEN
                state IN ('delivered', 'returned_unknown_address', 'returned_refused', 'returned_expired')
                THEN occurred_at
        END
    ) AS first_end,
    COUNT(DISTINCT tracking_no) AS tracking_numbers
FROM shipment_event
GROUP BY shipment_id
