-- The changes of one corrections file, one a household. Entitlement follows the members on the reference date:
-- only an error put right, or an event up to that date, changes who they are.
SELECT
    ward_row.household_no,
    MAX(ward_row.change_kind) AS change_kind,
    MAX(change_reason.code) AS reason,
    MAX(change_reason.written) = '誤り' AS is_error,
    MAX(change_reason.written) = '誤り'
    OR COALESCE(MAX(parsed_date.parsed_on) <= CAST($reference_date AS DATE), FALSE) AS changes_members,
    COUNT(standing.household_no) > 0 AS is_known
FROM ward_row
INNER JOIN change_reason ON TRANSLATE(ward_row.change_reason, $blanks, '') = change_reason.written
LEFT JOIN parsed_date ON ward_row.changed_on = parsed_date.text
LEFT JOIN standing ON ward_row.household_no = standing.household_no
GROUP BY ward_row.household_no
