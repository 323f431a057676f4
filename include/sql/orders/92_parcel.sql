-- The goods parcels of every household, held while the ward has not said where a confidential household gets them,
-- or while a person has to look at a change of the order.
WITH waiting AS (
    SELECT DISTINCT household_no
    FROM amendment_effect
    WHERE status = 'review' AND reason IN ('no_items', 'unknown_item', 'refused_item', 'over_points')
)

SELECT DISTINCT
    parcel_order.household_no,
    parcel_order.cause,
    parcel_order.cause_ref,
    parcel_order.source_ref,
    (household.confidential AND NOT household.instructed) OR waiting.household_no IS NOT NULL AS held
FROM parcel_order
INNER JOIN household ON parcel_order.household_no = household.household_no
LEFT JOIN waiting ON parcel_order.household_no = waiting.household_no
ORDER BY
    parcel_order.household_no ASC NULLS LAST,
    parcel_order.cause ASC NULLS LAST,
    parcel_order.cause_ref ASC NULLS LAST
