-- Decisions that are new or differ in anything from the ledger's current ones. A quantity that nobody means, misread or
-- mistyped, comes to more points than the ledger can hold: they are kept as the most that it can.
-- in: desired (`orders.reconcile.DECISION`), known (`facts.DECISION`)
WITH storable AS (
    SELECT
        application_id,
        source,
        household_no,
        received_at,
        status,
        reason,
        CAST(LEAST(GREATEST(points, -2147483648), 2147483647) AS INTEGER) AS points,
        differs_from_standing AS differs
    FROM desired
)

SELECT
    storable.application_id,
    storable.source,
    storable.household_no,
    storable.received_at,
    storable.status,
    storable.reason,
    storable.points,
    storable.differs
FROM storable
LEFT JOIN known
    ON
        storable.application_id = known.application_id
        AND storable.source = known.source
        AND storable.household_no IS NOT DISTINCT FROM known.household_no
        AND storable.received_at = known.received_at
        AND storable.status = known.status
        AND storable.reason IS NOT DISTINCT FROM known.reason
        AND storable.points = known.points
        AND storable.differs = known.differs
WHERE known.application_id IS NULL
ORDER BY storable.application_id ASC NULLS LAST
