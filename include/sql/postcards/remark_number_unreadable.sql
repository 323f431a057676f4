-- An application number that is blank, or read with less confidence than the contract asks for.
SELECT
    card_no AS subject,
    '申込番号' AS field,
    'number_unreadable' AS reason
FROM postcard
WHERE
    application_no = ''
    OR COALESCE(application_no_confidence < $threshold, TRUE)
