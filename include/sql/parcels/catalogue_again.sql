-- Catalogues that go once more because the ward has given another address (G23): one a row of the ward's at most.
-- What is released stays. Beyond that a household has one at a time, while the last one that was released is back or
-- lost: for the row that it was planned for, else for the newest one, if that says another place than the one it was
-- sent to, or was written after it had left.
-- in: shipment (`facts.SHIPMENT`, catalogues), moved(shipment_id), readdress(household_no as we know it, cause_ref,
--     place, said_on), asked(household_no): those for whom a person has asked for one that is not released yet
WITH last_released AS (
    SELECT
        household_no,
        MAX(sequence) AS newest
    FROM shipment
    WHERE released_rev IS NOT NULL
    GROUP BY household_no
),

failed AS (
    SELECT
        shipment.household_no,
        CAST(shipment.handed_over_at AS DATE) AS handed_over_on,
        moved.shipment_id IS NOT NULL AS is_moved
    FROM shipment
    INNER JOIN last_released
        ON shipment.household_no = last_released.household_no AND shipment.sequence = last_released.newest
    LEFT JOIN moved ON shipment.shipment_id = moved.shipment_id
    LEFT JOIN asked ON shipment.household_no = asked.household_no
    WHERE
        asked.household_no IS NULL
        AND shipment.handed_over_at IS NOT NULL
        AND shipment.state IN ('returned_unknown_address', 'returned_refused', 'returned_expired', 'lost')
),

planned AS (
    SELECT
        household_no,
        MAX(cause_ref) AS cause_ref
    FROM shipment
    WHERE cause = 'readdress' AND released_rev IS NULL AND state <> 'cancelled'
    GROUP BY household_no
),

newest AS (
    SELECT
        household_no,
        MAX(place) AS place
    FROM readdress
    GROUP BY household_no
)

SELECT
    household_no,
    cause_ref,
    FALSE AS is_open
FROM shipment
WHERE cause = 'readdress' AND released_rev IS NOT NULL
UNION ALL
SELECT
    failed.household_no,
    planned.cause_ref,
    TRUE AS is_open
FROM failed
INNER JOIN planned ON failed.household_no = planned.household_no
UNION ALL
SELECT
    failed.household_no,
    readdress.cause_ref,
    TRUE AS is_open
FROM failed
INNER JOIN newest ON failed.household_no = newest.household_no
INNER JOIN readdress ON newest.place = readdress.place
LEFT JOIN planned ON failed.household_no = planned.household_no
LEFT JOIN shipment AS used
    ON
        failed.household_no = used.household_no
        AND used.cause = 'readdress' AND readdress.cause_ref = used.cause_ref AND used.released_rev IS NOT NULL
WHERE
    planned.household_no IS NULL
    AND used.household_no IS NULL
    AND (failed.is_moved OR readdress.said_on > failed.handed_over_on)
