-- A card whose number leads nowhere belongs to the one household that agrees in postal code and in full kana and
-- whose number differs in one digit at most; near two households it belongs to none.
WITH stray AS (
    SELECT
        card.application_id,
        card.digits_seen,
        card.name_key,
        card.postal_key
    FROM card
    LEFT JOIN addressee ON card.application_no = addressee.application_no
    WHERE addressee.application_no IS NULL AND LENGTH(card.digits_seen) = 10
),

agreeing AS (
    SELECT DISTINCT
        stray.application_id,
        stray.digits_seen,
        addressee.application_no,
        addressee.household_no
    FROM stray
    INNER JOIN kana_key ON stray.name_key = kana_key.kana_key
    INNER JOIN addressee ON kana_key.household_no = addressee.household_no
    LEFT JOIN delivery_postal ON addressee.household_no = delivery_postal.household_no
    WHERE
        addressee.state <> 'deleted'
        AND stray.postal_key IN (addressee.postal_code, delivery_postal.postal_code)
),

near AS (
    SELECT
        agreeing.application_id,
        agreeing.household_no
    FROM agreeing
    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) AS digit (place)
    WHERE SUBSTRING(agreeing.digits_seen, digit.place, 1) = SUBSTRING(agreeing.application_no, digit.place, 1)
    GROUP BY agreeing.application_id, agreeing.household_no
    HAVING COUNT(*) >= 9
)

SELECT
    application_id,
    MIN(household_no) AS household_no
FROM near
GROUP BY application_id
HAVING COUNT(*) = 1
