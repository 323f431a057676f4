-- An item code that is blank, or read with less confidence than the contract asks for.
SELECT
    card_no AS subject,
    '商品コード' AS field,
    'item_unreadable' AS reason
FROM postcard_line
WHERE
    item_code = ''
    OR COALESCE(item_confidence < $threshold, TRUE)
