-- Cards on which a readable field agrees with the household: a member's kana, or the registered or
-- the delivery postal code.
SELECT card.application_id
FROM card
INNER JOIN card_household ON card.application_id = card_household.application_id
INNER JOIN kana_key
    ON card_household.household_no = kana_key.household_no AND card.name_key = kana_key.kana_key
UNION
SELECT card.application_id
FROM card
INNER JOIN card_household ON card.application_id = card_household.application_id
INNER JOIN household
    ON card_household.household_no = household.household_no AND card.postal_key = household.postal_code
UNION
SELECT card.application_id
FROM card
INNER JOIN card_household ON card.application_id = card_household.application_id
INNER JOIN delivery_postal
    ON card_household.household_no = delivery_postal.household_no AND card.postal_key = delivery_postal.postal_code
