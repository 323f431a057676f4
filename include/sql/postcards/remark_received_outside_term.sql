-- A card received before applications open or after the contract's end.
SELECT
    card_no AS subject,
    '受付日' AS field,
    'received_outside_term' AS reason
FROM postcard
WHERE
    received_on < CAST($opens_on AS DATE)
    OR received_on > CAST($ends_on AS DATE)
