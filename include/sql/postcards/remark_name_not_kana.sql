-- A name, read with confidence, that holds something else than kana.
SELECT
    card_no AS subject,
    '氏名カナ' AS field,
    'name_not_kana' AS reason
FROM postcard
WHERE
    name_kana <> ''
    AND name_kana_confidence >= $threshold
    AND name_kana IN (SELECT invalid_kana.text FROM invalid_kana)
