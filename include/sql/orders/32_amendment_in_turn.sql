-- Requests by phone up to the end of the business date, those of a household in the order they were made.
SELECT
    'A:' || amendment.amendment_id AS amendment_id,
    amendment.requested_at,
    amendment.action,
    addressee.household_no,
    addressee.state,
    addressee.entitlement,
    ROW_NUMBER() OVER (
        PARTITION BY addressee.household_no
        ORDER BY amendment.requested_at ASC NULLS LAST, amendment.amendment_id ASC NULLS LAST
    ) AS turn
FROM amendment
LEFT JOIN addressee ON amendment.application_no = addressee.application_no
WHERE CAST(amendment.requested_at AS DATE) <= $as_of
