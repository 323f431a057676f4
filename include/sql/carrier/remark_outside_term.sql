-- An event outside the contract's term.
SELECT
    shipment_id AS subject,
    '日時' AS field,
    'outside_term' AS reason
FROM shipment_event
WHERE
    CAST(occurred_at AS DATE) < CAST($starts_on AS DATE)
    OR CAST(occurred_at AS DATE) > CAST($ends_on AS DATE)
