-- What became of every amendment once all are known: a later replace, cancel or decline supersedes an order by phone.
WITH last_word AS (
    SELECT
        household_no,
        MAX(turn) AS turn
    FROM amendment_outcome
    WHERE reason IS NULL AND action IN ('replace', 'cancel', 'decline')
    GROUP BY household_no
)

SELECT
    amendment_case.amendment_id,
    amendment_case.household_no,
    amendment_case.requested_at,
    amendment_case.action,
    outcome.joined_parcel,
    outcome.settled_application_id,
    COALESCE(outcome.points, 0) AS points,
    COALESCE(outcome.reason, amendment_case.reason_before) AS reason,
    CASE
        WHEN COALESCE(outcome.reason, amendment_case.reason_before) = 'late' THEN 'rejected'
        WHEN COALESCE(outcome.reason, amendment_case.reason_before) IS NOT NULL THEN 'review'
        WHEN outcome.action IN ('replace', 'add') AND outcome.turn < last_word.turn THEN 'superseded'
        ELSE 'accepted'
    END AS status
FROM amendment_case
LEFT JOIN amendment_outcome AS outcome ON amendment_case.amendment_id = outcome.amendment_id
LEFT JOIN last_word ON amendment_case.household_no = last_word.household_no
