-- The nth amendment of every household, on what the one before it left.
WITH asked AS (
    SELECT
        amendment_case.*,
        previous.cancelled_at,
        previous.replaced_points,
        previous.newest_parcel,
        COALESCE(previous.added_points, 0) AS added_points
    FROM amendment_case
    LEFT JOIN amendment_outcome AS previous
        ON amendment_case.household_no = previous.household_no AND amendment_case.turn = previous.turn + 1
    WHERE amendment_case.turn = $turn AND amendment_case.household_no IS NOT NULL
),

settled AS (
    SELECT DISTINCT settled_application_id AS application_id
    FROM amendment_outcome
    WHERE settled_application_id IS NOT NULL
),

-- Applications since the last cancellation. One received after the request can stand, but the request is not about it.
live AS (
    SELECT
        asked.amendment_id,
        contender.application_id,
        contender.place,
        contender.points,
        contender.is_released,
        contender.received_at <= asked.requested_at AS is_meant,
        contender.is_good OR settled.application_id IS NOT NULL AS is_good
    FROM asked
    INNER JOIN contender ON asked.household_no = contender.household_no
    LEFT JOIN settled ON contender.application_id = settled.application_id
    WHERE asked.cancelled_at IS NULL OR contender.received_at > asked.cancelled_at
),

standing AS (
    SELECT
        amendment_id,
        MIN(CASE WHEN is_meant THEN place END) AS meant_place,
        MIN(CASE WHEN is_good AND is_released THEN place END) AS released_place,
        MIN(CASE WHEN is_good THEN place END) AS good_place
    FROM live
    GROUP BY amendment_id
),

weighed AS (
    SELECT
        asked.*,
        standing.meant_place,
        CASE WHEN NOT meant.is_good THEN meant.application_id END AS waiting_application_id,
        CASE asked.action
            WHEN 'replace' THEN asked.points
            WHEN 'add'
                THEN COALESCE(asked.replaced_points, holder.points, 0) + asked.added_points + asked.points
            ELSE 0
        END AS total,
        newest.handed_over_at IS NOT NULL AS is_newest_handed_over
    FROM asked
    LEFT JOIN standing ON asked.amendment_id = standing.amendment_id
    LEFT JOIN live AS meant
        ON
            asked.amendment_id = meant.amendment_id
            AND standing.released_place IS NULL AND standing.meant_place = meant.place
    LEFT JOIN live AS holder
        ON
            asked.amendment_id = holder.amendment_id
            AND COALESCE(standing.released_place, standing.good_place) = holder.place
    LEFT JOIN shipment AS newest
        ON
            asked.household_no = newest.household_no
            AND newest.kind = 'goods' AND newest.released_on <= $as_of
            AND newest.cause = 'add' AND asked.newest_parcel = newest.cause_ref
            AND asked.requested_at >= newest.handed_over_at
),

judged AS (
    SELECT
        *,
        CASE
            WHEN reason_before IS NOT NULL THEN reason_before
            WHEN action <> 'decline' AND meant_place IS NULL THEN 'no_application'
            WHEN is_already_shipped THEN 'already_shipped'
            WHEN fault IS NOT NULL THEN fault
            WHEN total > entitlement THEN 'over_points'
        END AS reason,
        CASE
            WHEN newest_parcel IS NULL AND NOT is_first_handed_over THEN ''
            WHEN newest_parcel IS NOT NULL AND NOT is_newest_handed_over THEN newest_parcel
            ELSE amendment_id
        END AS parcel
    FROM weighed
)

SELECT
    amendment_id,
    household_no,
    turn,
    requested_at,
    action,
    reason,
    total AS points,
    CASE WHEN reason IS NULL AND action IN ('cancel', 'decline') THEN requested_at ELSE cancelled_at END
        AS cancelled_at,
    CASE
        WHEN reason IS NULL AND action = 'replace' THEN points
        WHEN reason IS NULL AND action IN ('cancel', 'decline') THEN NULL
        ELSE replaced_points
    END AS replaced_points,
    CASE
        WHEN reason IS NULL AND action = 'add' THEN added_points + points
        WHEN reason IS NULL THEN 0
        ELSE added_points
    END AS added_points,
    CASE WHEN reason IS NULL AND action = 'add' AND parcel = amendment_id THEN amendment_id ELSE newest_parcel END
        AS newest_parcel,
    CASE WHEN reason IS NULL AND action = 'replace' THEN waiting_application_id END AS settled_application_id,
    CASE WHEN reason IS NULL AND action = 'add' THEN parcel END AS joined_parcel
FROM judged
