-- Where a household's parcels go: the registered address of its head, or, for a confidential household,
-- what the ward has instructed and nothing else (G09). One row a household that has an address.
-- A place that keeps the parcel is named in the usual form, 「渋谷郵便局留」.
-- in: household, person (heads), instruction (the last one of each household)
SELECT
    h.household_no,
    h.ward_no,
    h.confidential,
    CASE WHEN h.confidential THEN REPLACE(i.postal_code, '-', '') ELSE p.postal_code END AS postal_code,
    CASE WHEN h.confidential THEN '' ELSE p.town END AS town,
    CASE WHEN h.confidential THEN i.address ELSE p.block END AS block,
    CASE
        WHEN NOT h.confidential THEN COALESCE(p.building, '')
        WHEN TRIM(i.method) = '別住所' OR COALESCE(i.held_at, '') = '' THEN COALESCE(i.building, '')
        WHEN i.held_at LIKE '%留' OR i.held_at LIKE '%留め' THEN i.held_at
        ELSE i.held_at || '留'
    END AS building,
    CASE WHEN h.confidential THEN i.recipient_name ELSE p.head_name END AS addressee
FROM household AS h
INNER JOIN person AS p ON h.household_no = p.household_no
LEFT JOIN instruction AS i ON h.household_no = i.household_no
WHERE NOT h.confidential OR i.household_no IS NOT NULL
ORDER BY h.household_no ASC
