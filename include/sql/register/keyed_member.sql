-- Members with the key by which a person is found again. Kana count alike in both kinds.
SELECT
    household_no,
    birth_date,
    TRANSLATE(kana_text, $katakana, $hiragana) AS kana
FROM member_text
