-- The household of a card: by its number, else by the match. A valid number is never matched away.
SELECT
    card.application_id,
    COALESCE(addressee.household_no, card_match.household_no) AS household_no
FROM card
LEFT JOIN addressee ON card.application_no = addressee.application_no
LEFT JOIN card_match ON card.application_id = card_match.application_id
WHERE COALESCE(addressee.household_no, card_match.household_no) IS NOT NULL
