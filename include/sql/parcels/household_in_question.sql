-- Households with a parcel that is not just as it should be. Left out is only what has one revision, says what is
-- wanted, and stands where it was last put; the whole household is looked at when any of its parcels is not so.
-- in: wanted (`wanted.WANTED`), shipment (`facts.SHIPMENT`), revision (`facts.REVISION`), moved(shipment_id)
WITH present AS (
    SELECT
        shipment.household_no,
        shipment.kind,
        shipment.cause,
        shipment.cause_ref,
        shipment.state,
        shipment.revision,
        shipment.released_rev,
        shipment.handed_over_at,
        shipment.handed_rev,
        revision.action,
        revision.content_digest,
        revision.source_ref,
        revision.points,
        revision.effect_kind
    FROM shipment
    INNER JOIN revision ON shipment.shipment_id = revision.shipment_id AND revision.rev = 1
    LEFT JOIN moved ON shipment.shipment_id = moved.shipment_id
    WHERE moved.shipment_id IS NULL
),

as_wanted AS (
    SELECT
        wanted.household_no,
        wanted.kind,
        wanted.cause,
        wanted.cause_ref
    FROM wanted
    INNER JOIN present
        ON
            wanted.household_no = present.household_no AND wanted.kind = present.kind
            AND wanted.cause = present.cause AND wanted.cause_ref = present.cause_ref
    WHERE
        present.revision = 1
        AND present.action = 'instruct'
        AND wanted.content_digest = present.content_digest
        AND wanted.source_ref = present.source_ref
        AND wanted.points = present.points
        AND CASE
            WHEN present.released_rev IS NULL
                THEN
                    present.handed_over_at IS NULL
                    AND present.state = CASE WHEN wanted.held THEN 'on_hold' ELSE 'planned' END
                    AND COALESCE(present.effect_kind, '') = CASE WHEN wanted.held THEN '' ELSE wanted.effect_kind END
            ELSE NOT wanted.held AND present.effect_kind = wanted.effect_kind AND COALESCE(present.handed_rev, 1) = 1
        END
    GROUP BY wanted.household_no, wanted.kind, wanted.cause, wanted.cause_ref
    HAVING COUNT(*) = 1
),

place AS (
    SELECT
        household_no,
        kind,
        cause,
        cause_ref
    FROM wanted
    UNION
    SELECT
        household_no,
        kind,
        cause,
        cause_ref
    FROM shipment
)

SELECT DISTINCT place.household_no
FROM place
LEFT JOIN as_wanted
    ON
        place.household_no = as_wanted.household_no AND place.kind = as_wanted.kind
        AND place.cause = as_wanted.cause AND place.cause_ref = as_wanted.cause_ref
WHERE as_wanted.household_no IS NULL
ORDER BY place.household_no ASC NULLS LAST
