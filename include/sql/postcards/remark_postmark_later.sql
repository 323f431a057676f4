-- A postmark later than the day on which the card was received.
SELECT
    card_no AS subject,
    '消印日' AS field,
    'postmark_later' AS reason
FROM postcard
WHERE
    postmarked_on > received_on
