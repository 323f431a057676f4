-- Where each shipment stands by what the carrier said: one row a shipment.
-- The latest event counts; at the same time the one that needs more attention; then revision and reference.
-- A return or a loss after a delivery undoes the delivery; damage and delay do not.
-- in: shipment_event(source, source_ref, shipment_id, state, revision, tracking_no, occurred_at)
WITH ranked AS (
    SELECT
        source,
        source_ref,
        shipment_id,
        state,
        revision,
        tracking_no,
        occurred_at,
        CASE state
            WHEN 'handed_over' THEN 1
            WHEN 'in_transit' THEN 2
            WHEN 'delayed' THEN 3
            WHEN 'absent' THEN 4
            WHEN 'held' THEN 5
            WHEN 'lost' THEN 6
            WHEN 'delivered' THEN 7
            WHEN 'damaged' THEN 8
            WHEN 'returned_expired' THEN 9
            WHEN 'returned_refused' THEN 10
            WHEN 'returned_unknown_address' THEN 11
        END AS attention
    FROM shipment_event
),

placed AS (
    SELECT
        shipment_id,
        state,
        revision,
        tracking_no,
        occurred_at,
        ROW_NUMBER() OVER (
            PARTITION BY shipment_id
            ORDER BY
                occurred_at DESC, attention DESC, revision DESC NULLS LAST,
                source DESC, source_ref DESC
        ) AS from_last,
        ROW_NUMBER() OVER (
            PARTITION BY shipment_id
            ORDER BY
                CASE WHEN state = 'handed_over' THEN 0 ELSE 1 END,
                occurred_at ASC, attention ASC, revision ASC NULLS LAST,
                source ASC, source_ref ASC
        ) AS from_hand_over,
        ROW_NUMBER() OVER (
            PARTITION BY shipment_id
            ORDER BY
                CASE WHEN tracking_no IS NULL THEN 1 ELSE 0 END,
                occurred_at DESC, attention DESC, revision DESC NULLS LAST,
                source DESC, source_ref DESC
        ) AS from_tracking
    FROM ranked
    WHERE attention IS NOT NULL
),

summed AS (
    SELECT
        shipment_id,
        MAX(CASE WHEN from_last = 1 THEN state END) AS state,
        MAX(CASE WHEN from_last = 1 THEN occurred_at END) AS state_at,
        MAX(CASE WHEN from_hand_over = 1 THEN occurred_at END) AS handed_over_at,
        MAX(CASE WHEN from_hand_over = 1 THEN revision END) AS handed_revision,
        MAX(CASE WHEN state = 'delivered' THEN occurred_at END) AS delivered_at,
        MAX(
            CASE
                WHEN state IN ('lost', 'returned_expired', 'returned_refused', 'returned_unknown_address')
                    THEN occurred_at
            END
        ) AS undone_at,
        MAX(CASE WHEN from_tracking = 1 THEN tracking_no END) AS tracking_no
    FROM placed
    GROUP BY shipment_id
)

SELECT
    shipment_id,
    state,
    state_at,
    handed_over_at,
    CAST(handed_over_at AS DATE) AS handed_over_on,
    handed_revision,
    CASE
        WHEN undone_at IS NULL OR undone_at < delivered_at THEN CAST(delivered_at AS DATE)
        WHEN undone_at = delivered_at AND state IN ('delivered', 'damaged') THEN CAST(delivered_at AS DATE)
    END AS delivered_on,
    tracking_no
FROM summed
ORDER BY shipment_id ASC
