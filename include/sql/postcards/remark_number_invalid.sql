-- An application number, read with confidence, that is not ten digits with the right check digits (ISO 7064 MOD 97-10).
SELECT
    card_no AS subject,
    '申込番号' AS field,
    'number_invalid' AS reason
FROM postcard
WHERE
    application_no <> ''
    AND application_no_confidence >= $threshold
    AND NOT CASE
        WHEN TRANSLATE(application_no, '0123456789', '') = '' AND LENGTH(application_no) = 10
            THEN MOD(CAST(application_no AS BIGINT), 97) = 1
        ELSE FALSE
    END
