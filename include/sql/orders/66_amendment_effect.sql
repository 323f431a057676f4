-- What became of every amendment once all are known: a later replace, cancel or decline supersedes what had been
-- ordered by phone, whether that was accepted or still waits for a person. What was rejected stays so.
WITH last_word AS (
    SELECT
        household_no,
        MAX(turn) AS turn
    FROM amendment_outcome
    WHERE reason IS NULL AND action IN ('replace', 'cancel', 'decline')
    GROUP BY household_no
),

judged AS (
    SELECT
        amendment_case.amendment_id,
        amendment_case.household_no,
        amendment_case.requested_at,
        amendment_case.action,
        outcome.joined_parcel,
        outcome.settled_application_id,
        COALESCE(outcome.points, 0) AS points,
        COALESCE(outcome.reason, amendment_case.reason_before) AS reason,
        COALESCE(amendment_case.action IN ('replace', 'add') AND outcome.turn < last_word.turn, FALSE) AS is_overtaken
    FROM amendment_case
    LEFT JOIN amendment_outcome AS outcome ON amendment_case.amendment_id = outcome.amendment_id
    LEFT JOIN last_word ON amendment_case.household_no = last_word.household_no
)

SELECT
    amendment_id,
    household_no,
    requested_at,
    action,
    joined_parcel,
    settled_application_id,
    points,
    CASE WHEN is_overtaken AND reason <> 'late' THEN NULL ELSE reason END AS reason,
    CASE
        WHEN reason = 'late' THEN 'rejected'
        WHEN is_overtaken THEN 'superseded'
        WHEN reason IS NOT NULL THEN 'review'
        ELSE 'accepted'
    END AS status
FROM judged
