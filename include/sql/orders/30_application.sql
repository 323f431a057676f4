-- Web and postcard applications received by the end of the business date, one form, each with its household if known.
SELECT
    'W:' || web.application_id AS application_id,
    'web' AS source,
    web.submitted_at AS received_at,
    addressee.household_no,
    COALESCE(CAST(web.cancelled_at AS DATE) <= $as_of, FALSE) AS is_cancelled,
    FALSE AS is_declined,
    FALSE AS is_illegible,
    FALSE AS is_in_doubt
FROM web_application AS web
LEFT JOIN addressee ON web.application_no = addressee.application_no
WHERE CAST(web.submitted_at AS DATE) <= $as_of
UNION ALL
SELECT
    card.application_id,
    'postcard' AS source,
    card.received_at,
    card_household.household_no,
    FALSE AS is_cancelled,
    card.is_decline_marked AND card.is_decline_readable AS is_declined,
    NOT card.is_decline_readable
    OR (card.application_no IS NULL AND card_household.household_no IS NULL)
    OR (card.name_key IS NULL AND card.postal_key IS NULL) AS is_illegible,
    card_agreement.application_id IS NULL AS is_in_doubt
FROM card
LEFT JOIN card_household ON card.application_id = card_household.application_id
LEFT JOIN card_agreement ON card.application_id = card_agreement.application_id
