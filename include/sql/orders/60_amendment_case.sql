-- What can be said of an amendment before the household's earlier ones are known.
SELECT
    amendment.amendment_id,
    amendment.household_no,
    amendment.turn,
    amendment.requested_at,
    amendment.action,
    amendment.entitlement,
    COALESCE(order_content.points, 0) AS points,
    CASE
        WHEN amendment.household_no IS NULL THEN 'unknown_household'
        WHEN amendment.state <> 'live' THEN 'departed'
        WHEN
            amendment.action IN ('replace', 'add')
            AND CAST(amendment.requested_at AS DATE) > $deadline AND NOT $amend_until_handover
            THEN 'late'
    END AS reason_before,
    CASE
        WHEN amendment.action IN ('replace', 'add') AND order_content.order_id IS NULL THEN 'no_items'
        WHEN amendment.action IN ('replace', 'add') THEN order_content.fault
    END AS fault,
    CASE
        WHEN amendment.action = 'add' THEN COALESCE(shipped.toilets_released, FALSE)
        WHEN amendment.action = 'replace'
            THEN
                COALESCE(shipped.toilets_released, FALSE)
                OR COALESCE(shipped.goods_handed_over_at <= amendment.requested_at, FALSE)
        ELSE COALESCE(shipped.goods_handed_over_at <= amendment.requested_at, FALSE)
    END AS is_already_shipped,
    COALESCE(shipped.first_handed_over_at <= amendment.requested_at, FALSE) AS is_first_handed_over
FROM amendment_in_turn AS amendment
LEFT JOIN order_content ON amendment.amendment_id = order_content.order_id
LEFT JOIN shipped ON amendment.household_no = shipped.household_no
