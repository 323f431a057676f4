-- An item code, read with confidence, that the catalogue does not have.
SELECT
    card_no AS subject,
    '商品コード' AS field,
    'item_unknown' AS reason
FROM postcard_line
WHERE
    item_code <> ''
    AND item_confidence >= $threshold
    AND item_code NOT IN (SELECT catalogue.item_code FROM catalogue)
