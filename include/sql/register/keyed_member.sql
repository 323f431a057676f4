-- Members with the keys by which a person and an address are found again. Kana count alike in both kinds.
SELECT
    household_no,
    birth_date,
    place,
    TRANSLATE(kana_text, $katakana, $hiragana) AS kana
FROM member_text
