-- Whom each file names where, and in which place of the order of effect it stands.
SELECT
    sighting_text.household_no,
    sighting_text.nth,
    TRANSLATE(sighting_text.former_household_no, $blanks, '') AS former_no,
    sighting_text.kana,
    parsed_date.parsed_on AS birth_date
FROM sighting_text
LEFT JOIN parsed_date ON sighting_text.birth_date = parsed_date.text
