-- The predecessors that the ward itself names (旧世帯番号).
SELECT DISTINCT
    household_no,
    former_no
FROM sighting
WHERE former_no <> '' AND former_no <> household_no
