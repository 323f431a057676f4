-- Households after a corrections file. Deleted by error: the right ends; by death, removal or anything else: held for
-- the operators, as is a household that is named for the first time by an event after the reference date.
WITH sent AS (
    SELECT
        household_no,
        BOOL_OR(confidential) AS confidential
    FROM sent_member
    GROUP BY household_no
)

SELECT
    COALESCE(standing.household_no, change.household_no) AS household_no,
    COALESCE(sent.confidential, standing.confidential, FALSE) AS confidential,
    CASE
        WHEN change.household_no IS NULL THEN standing.state
        WHEN change.change_kind = '削除' THEN CASE WHEN change.is_error THEN 'deleted' ELSE 'held' END
        WHEN change.is_error THEN 'live'
        WHEN change.is_known THEN standing.state
        WHEN change.changes_members THEN 'live'
        ELSE 'held'
    END AS state,
    CASE
        WHEN change.household_no IS NULL THEN standing.state_reason
        WHEN change.change_kind = '削除' THEN change.reason
        WHEN change.is_error THEN NULL
        WHEN change.is_known THEN standing.state_reason
        WHEN change.changes_members THEN NULL
        ELSE change.reason
    END AS state_reason,
    CASE
        WHEN change.household_no IS NULL THEN standing.is_gone
        WHEN change.change_kind = '削除' THEN TRUE
        WHEN change.is_error OR NOT change.is_known THEN FALSE
        ELSE standing.is_gone
    END AS is_gone
FROM standing
FULL OUTER JOIN change ON standing.household_no = change.household_no
LEFT JOIN
    sent
    ON change.household_no = sent.household_no
WHERE change.household_no IS NULL OR change.is_known OR change.change_kind <> '削除'
