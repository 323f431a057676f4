-- Applications that stand or wait: good in themselves, or in review. Cancelled, late and declined ones do neither.
SELECT
    application_id,
    household_no,
    received_at,
    place,
    points,
    is_released,
    reason IS NULL AS is_good
FROM application_check
WHERE
    household_no IS NOT NULL
    AND NOT is_cancelled
    AND (reason IS NULL OR reason NOT IN ('late', 'declined'))
