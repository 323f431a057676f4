-- A quantity that is written and is not 1 to 99 in digits, half or full width.
SELECT
    card_no AS subject,
    '数量' AS field,
    'quantity_unusual' AS reason
FROM postcard_line
WHERE
    quantity_text <> ''
    AND NOT CASE
        WHEN TRANSLATE(quantity_text, '0123456789０１２３４５６７８９', '') = '' AND LENGTH(quantity_text) <= 2
            THEN CAST(TRANSLATE(quantity_text, '０１２３４５６７８９', '0123456789') AS INTEGER) > 0
        ELSE FALSE
    END
