-- Households that an order in review may come from while it is nobody's: its number differs from theirs in one digit
-- at most, or its name is theirs and its postal code, if it can be read, is theirs too. Toilets wait for these (G15).
WITH numbered AS (
    SELECT
        'W:' || application_id AS order_id,
        application_no
    FROM web_application
    UNION ALL
    SELECT
        'P:' || card_no AS order_id,
        application_no
    FROM postcard
    UNION ALL
    SELECT
        'A:' || amendment_id AS order_id,
        application_no
    FROM amendment
),

digits AS (
    SELECT
        order_id,
        TRANSLATE(plain_no, TRANSLATE(plain_no, '0123456789', ''), '') AS digits
    FROM (
        SELECT
            order_id,
            TRANSLATE(application_no, '０１２３４５６７８９', '0123456789') AS plain_no
        FROM numbered
    ) AS narrow
),

unassigned AS (
    SELECT application_id AS order_id
    FROM application_check
    WHERE household_no IS NULL AND NOT is_cancelled AND reason NOT IN ('late', 'declined')
    UNION ALL
    SELECT amendment_id AS order_id
    FROM amendment_in_turn
    WHERE household_no IS NULL
),

-- Two numbers that differ in one place have their first or their last half in common.
near AS (
    SELECT
        digits.digits,
        addressee.application_no,
        addressee.household_no
    FROM unassigned
    INNER JOIN digits ON unassigned.order_id = digits.order_id
    INNER JOIN addressee ON SUBSTRING(digits.digits, 1, 5) = SUBSTRING(addressee.application_no, 1, 5)
    WHERE LENGTH(digits.digits) = 10
    UNION
    SELECT
        digits.digits,
        addressee.application_no,
        addressee.household_no
    FROM unassigned
    INNER JOIN digits ON unassigned.order_id = digits.order_id
    INNER JOIN addressee ON SUBSTRING(digits.digits, 6, 5) = SUBSTRING(addressee.application_no, 6, 5)
    WHERE LENGTH(digits.digits) = 10
)

SELECT near.household_no
FROM near
CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) AS digit (place)
WHERE SUBSTRING(near.digits, digit.place, 1) = SUBSTRING(near.application_no, digit.place, 1)
GROUP BY near.household_no, near.digits
HAVING COUNT(*) >= 9
UNION
SELECT kana_key.household_no
FROM unassigned
INNER JOIN card ON unassigned.order_id = card.application_id
INNER JOIN kana_key ON card.name_key = kana_key.kana_key
INNER JOIN addressee ON kana_key.household_no = addressee.household_no
LEFT JOIN delivery_postal ON kana_key.household_no = delivery_postal.household_no
WHERE card.postal_key IS NULL OR card.postal_key IN (addressee.postal_code, delivery_postal.postal_code)
ORDER BY household_no ASC NULLS LAST
