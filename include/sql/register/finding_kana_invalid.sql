-- Kana that is empty or holds something else than kana.
SELECT
    receipt_no,
    row_no,
    household_no,
    'member_kana' AS field,
    'kana_invalid' AS reason
FROM usable_row
WHERE member_kana IN (SELECT invalid_kana.text FROM invalid_kana)
UNION ALL
SELECT
    receipt_no,
    row_no,
    household_no,
    'head_kana' AS field,
    'kana_invalid' AS reason
FROM usable_row
WHERE head_kana IN (SELECT invalid_kana.text FROM invalid_kana)
