-- Decisions that are new or differ in anything from the ledger's current ones.
-- in: desired (`orders.reconcile.DECISION`), known (`facts.DECISION`)
SELECT
    desired.application_id,
    desired.source,
    desired.household_no,
    desired.received_at,
    desired.status,
    desired.reason,
    CAST(desired.points AS INTEGER) AS points,
    desired.differs_from_standing AS differs
FROM desired
LEFT JOIN known
    ON
        desired.application_id = known.application_id
        AND desired.source = known.source
        AND desired.household_no IS NOT DISTINCT FROM known.household_no
        AND desired.received_at = known.received_at
        AND desired.status = known.status
        AND desired.reason IS NOT DISTINCT FROM known.reason
        AND desired.points = known.points
        AND desired.differs_from_standing = known.differs
WHERE known.application_id IS NULL
ORDER BY desired.application_id ASC NULLS LAST
