-- Pairs of postal code and town that belong together: the town's own name, alone or before a chome.
-- A code without a town (以下に掲載がない場合) goes with every town.
SELECT DISTINCT
    place.postal_digits,
    place.town
FROM (SELECT DISTINCT
    postal_digits,
    town
FROM usable_row) AS place
INNER JOIN postal ON place.postal_digits = postal.postal_code
WHERE
    postal.town = ''
    OR place.town = postal.town
    OR (
        SUBSTRING(place.town, 1, LENGTH(postal.town)) = postal.town
        AND POSITION(SUBSTRING(place.town, LENGTH(postal.town) + 1, 1) IN $chome_starts) > 0
    )
