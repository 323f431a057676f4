-- One decision for every application and every amendment.
WITH fate AS (
    SELECT
        application.*,
        CASE
            WHEN application.is_cancelled OR COALESCE(application.received_at <= withdrawal.requested_at, FALSE)
                THEN 'withdrawn'
            WHEN standing.application_id IS NOT NULL THEN 'standing'
            WHEN candidate.application_id IS NOT NULL THEN 'duplicate'
            ELSE 'checked'
        END AS fate,
        differing.application_id IS NOT NULL AS differs_from_standing
    FROM application_check AS application
    LEFT JOIN withdrawal ON application.household_no = withdrawal.household_no
    LEFT JOIN candidate ON application.application_id = candidate.application_id
    LEFT JOIN standing ON application.application_id = standing.application_id
    LEFT JOIN differing ON application.application_id = differing.application_id
)

SELECT
    application_id,
    source,
    household_no,
    received_at,
    CASE
        WHEN fate = 'withdrawn' THEN 'withdrawn'
        WHEN fate = 'standing' THEN 'accepted'
        WHEN fate = 'duplicate' OR reason = 'late' THEN 'rejected'
        WHEN reason = 'declined' THEN 'withdrawn'
        ELSE 'review'
    END AS status,
    CASE
        WHEN fate = 'duplicate' THEN 'duplicate'
        WHEN fate = 'checked' THEN reason
    END AS reason,
    points,
    differs_from_standing
FROM fate
UNION ALL
SELECT
    amendment_id AS application_id,
    'phone' AS source,
    household_no,
    requested_at AS received_at,
    status,
    reason,
    points,
    FALSE AS differs_from_standing
FROM amendment_effect
ORDER BY application_id ASC NULLS LAST
