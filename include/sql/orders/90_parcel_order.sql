-- Whose lines go into which goods parcel: the first carries the standing order, or what replaced it by phone;
-- what was added goes into the first or into a parcel of its own.
WITH replacement AS (
    SELECT
        household_no,
        amendment_id
    FROM amendment_effect
    WHERE action = 'replace' AND status = 'accepted'
)

SELECT
    standing.household_no,
    'first' AS cause,
    '' AS cause_ref,
    standing.application_id AS source_ref,
    COALESCE(replacement.amendment_id, standing.application_id) AS order_id
FROM standing
LEFT JOIN replacement ON standing.household_no = replacement.household_no
UNION ALL
SELECT
    standing.household_no,
    CASE WHEN effect.joined_parcel = '' THEN 'first' ELSE 'add' END AS cause,
    effect.joined_parcel AS cause_ref,
    standing.application_id AS source_ref,
    effect.amendment_id AS order_id
FROM standing
INNER JOIN amendment_effect AS effect ON standing.household_no = effect.household_no
WHERE effect.action = 'add' AND effect.status = 'accepted'
