-- Before any amendment: no outcome, only the form of one.
-- `reason` NULL: accepted. `points`: the household's total after it. The rest is what the next one builds on: when the
-- last cancellation was, the points of the replaced order and of what was added, the newest parcel founded by an add.
SELECT
    amendment_id,
    household_no,
    turn,
    requested_at,
    action,
    reason_before AS reason,
    points,
    requested_at AS cancelled_at,
    points AS replaced_points,
    points AS added_points,
    amendment_id AS newest_parcel,
    amendment_id AS settled_application_id,
    amendment_id AS joined_parcel
FROM amendment_case
WHERE FALSE
