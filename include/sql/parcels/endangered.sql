-- Parcels that must not go out as they were last told, and those that went to where they must not have gone (G09):
-- their household is held, deleted, confidential without an instruction, or has become confidential since; or it is a
-- parcel that is to be pulled (G08).
-- A parcel whose last revision stops or cancels it is safe.
-- in: shipment (`facts.SHIPMENT`), revision (`facts.REVISION`), household (`schema.HOUSEHOLD`),
-- pulled(household_no, kind)
WITH standing AS (
    SELECT
        shipment.shipment_id,
        shipment.kind || '_confidential' AS safe_kind,
        household.confidential,
        household.state <> 'live'
        OR (household.confidential AND NOT household.instructed)
        OR pulled.household_no IS NOT NULL AS is_barred,
        shipment.handed_over_at IS NOT NULL AS is_handed_over,
        CASE
            WHEN shipment.handed_over_at IS NULL THEN shipment.released_rev
            ELSE COALESCE(shipment.handed_rev, shipment.told_rev, shipment.released_rev)
        END AS told_rev,
        shipment.revision
    FROM shipment
    INNER JOIN household ON shipment.household_no = household.household_no
    LEFT JOIN pulled ON shipment.household_no = pulled.household_no AND shipment.kind = pulled.kind
    WHERE shipment.state <> 'cancelled'
)

SELECT
    standing.shipment_id,
    standing.confidential,
    CASE WHEN standing.is_handed_over THEN standing.told_rev ELSE standing.revision END AS rev
FROM standing
INNER JOIN revision AS newest ON standing.shipment_id = newest.shipment_id AND standing.revision = newest.rev
LEFT JOIN revision AS told ON standing.shipment_id = told.shipment_id AND standing.told_rev = told.rev
WHERE
    CASE
        WHEN standing.is_handed_over
            THEN
                standing.confidential
                AND told.action IN ('instruct', 'replace') AND told.effect_kind <> standing.safe_kind
        ELSE
            newest.action IN ('instruct', 'replace') AND newest.effect_kind IS NOT NULL
            AND (
                standing.is_barred
                OR (standing.confidential AND newest.effect_kind <> standing.safe_kind)
                OR (
                    standing.confidential
                    AND told.action IN ('instruct', 'replace') AND told.effect_kind <> standing.safe_kind
                )
            )
    END
ORDER BY standing.shipment_id ASC NULLS LAST
