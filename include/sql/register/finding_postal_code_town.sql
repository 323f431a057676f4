-- A postal code that exists, but not for this town.
SELECT
    receipt_no,
    row_no,
    household_no,
    'postal_code' AS field,
    'postal_code_town' AS reason
FROM usable_row
WHERE
    TRANSLATE(town, $blanks, '') <> ''
    AND EXISTS (
        SELECT 1 FROM postal
        WHERE postal.postal_code = usable_row.postal_digits
    )
    AND NOT EXISTS (
        SELECT 1
        FROM known_place
        WHERE known_place.postal_digits = usable_row.postal_digits AND known_place.town = usable_row.town
    )
