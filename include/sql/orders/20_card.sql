-- A postcard as far as it can be read: a field below its threshold or blank is NULL.
WITH scanned AS (
    SELECT
        *,
        TRANSLATE(application_no, '０１２３４５６７８９', '0123456789') AS plain_no
    FROM postcard
    WHERE received_on <= $as_of
)

SELECT
    'P:' || card_no AS application_id,
    CAST(CASE WHEN $postmark THEN COALESCE(postmarked_on, received_on) ELSE received_on END AS TIMESTAMP)
        AS received_at,
    CASE WHEN application_no_confidence >= $threshold AND TRIM(application_no) <> '' THEN application_no END
        AS application_no,
    TRANSLATE(plain_no, TRANSLATE(plain_no, '0123456789', ''), '') AS digits_seen,
    CASE WHEN name_kana_confidence >= $threshold AND name_key <> '' THEN name_key END AS name_key,
    CASE WHEN postal_code_confidence >= $threshold AND postal_key <> '' THEN postal_key END AS postal_key,
    COALESCE(TRIM(declined), '') NOT IN ('', '0') AS is_decline_marked,
    CASE
        WHEN COALESCE(TRIM(declined), '') NOT IN ('', '0') THEN COALESCE(declined_confidence >= $threshold, FALSE)
        ELSE COALESCE(declined_confidence >= $threshold, TRUE)
    END AS is_decline_readable
FROM scanned
