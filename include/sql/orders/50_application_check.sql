-- The first check that an application fails, taken by itself, and its place in the household's order.
WITH released_order AS (
    SELECT DISTINCT
        household_no,
        source_ref AS application_id
    FROM shipment
    WHERE kind = 'goods' AND released_on <= $as_of
)

SELECT
    application.application_id,
    application.source,
    application.household_no,
    application.received_at,
    application.is_cancelled,
    COALESCE(order_content.points, 0) AS points,
    CASE
        WHEN CAST(application.received_at AS DATE) > $deadline THEN 'late'
        WHEN application.is_declined THEN 'declined'
        WHEN application.is_illegible OR order_content.is_illegible THEN 'illegible'
        WHEN application.household_no IS NULL THEN 'unknown_household'
        WHEN addressee.state <> 'live' THEN 'departed'
        WHEN application.is_in_doubt THEN 'identity'
        WHEN order_content.order_id IS NULL THEN 'no_items'
        WHEN order_content.fault IS NOT NULL THEN order_content.fault
        WHEN order_content.points > addressee.entitlement THEN 'over_points'
        WHEN shipped.toilets_released AND released_order.application_id IS NULL THEN 'toilet_shipped'
    END AS reason,
    COALESCE(shipped.goods_source = application.application_id, FALSE) AS is_released,
    ROW_NUMBER() OVER (
        PARTITION BY application.household_no
        ORDER BY
            CAST(application.received_at AS DATE) ASC NULLS LAST,
            CASE WHEN application.source = 'web' THEN 0 ELSE 1 END ASC NULLS LAST,
            application.received_at ASC NULLS LAST,
            application.application_id ASC NULLS LAST
    ) AS place
FROM application
LEFT JOIN addressee ON application.household_no = addressee.household_no
LEFT JOIN order_content ON application.application_id = order_content.order_id
LEFT JOIN shipped ON application.household_no = shipped.household_no
LEFT JOIN released_order
    ON
        application.household_no = released_order.household_no
        AND application.application_id = released_order.application_id
