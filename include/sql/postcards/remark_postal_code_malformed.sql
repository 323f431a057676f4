-- A postal code, read with confidence, that has not seven digits, half or full width.
SELECT
    card_no AS subject,
    '郵便番号' AS field,
    'postal_code_malformed' AS reason
FROM postcard
WHERE
    postal_code <> ''
    AND postal_code_confidence >= $threshold
    AND LENGTH(TRANSLATE(postal_code, TRANSLATE(postal_code, '0123456789０１２３４５６７８９', ''), '')) <> 7
