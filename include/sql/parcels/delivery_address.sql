-- Where a household's parcels go: the registered address of its head, or, for a confidential household,
-- what the ward has instructed and nothing else (G09). One row a household that has an address.
-- A place that keeps the parcel is named in the usual form, 「渋谷郵便局留」; where the ward gives no address with it,
-- it stands as the address: postal code and place are enough.
-- Blanks that pad a field are taken away here, for labels, their order and the carrier alike; of the
-- delivery method all, as when it was judged.
-- in: household, person (heads), instruction (the last one of each household)
WITH said AS (
    SELECT
        household_no,
        REPLACE(postal_code, '-', '') AS postal_code,
        TRIM(BOTH $blanks FROM COALESCE(address, '')) AS address,
        COALESCE(building, '') AS building,
        recipient_name,
        TRANSLATE(method, $blanks, '') AS delivery_method,
        TRIM(BOTH $blanks FROM COALESCE(held_at, '')) AS held_at
    FROM instruction
),

instructed AS (
    SELECT
        household_no,
        postal_code,
        address,
        building,
        recipient_name,
        delivery_method,
        CASE
            WHEN delivery_method = '別住所' OR held_at = '' THEN ''
            WHEN held_at LIKE '%留' OR held_at LIKE '%留め' THEN held_at
            ELSE held_at || '留'
        END AS kept_at
    FROM said
)

SELECT
    h.household_no,
    h.ward_no,
    h.confidential,
    CASE WHEN h.confidential THEN i.postal_code ELSE p.postal_code END AS postal_code,
    CASE WHEN h.confidential THEN '' ELSE RTRIM(p.town, ' 　') END AS town,
    CASE
        WHEN NOT h.confidential THEN RTRIM(p.block, ' 　')
        WHEN i.address = '' THEN i.kept_at
        ELSE i.address
    END AS block,
    CASE
        WHEN NOT h.confidential THEN RTRIM(COALESCE(p.building, ''), ' 　')
        WHEN i.address = '' OR i.kept_at = '' THEN RTRIM(i.building, ' 　')
        ELSE i.kept_at
    END AS building,
    RTRIM(CASE WHEN h.confidential THEN i.recipient_name ELSE p.head_name END, ' 　') AS addressee,
    CASE WHEN h.confidential THEN i.delivery_method ELSE '' END AS delivery_method
FROM household AS h
INNER JOIN person AS p ON h.household_no = p.household_no
LEFT JOIN instructed AS i ON h.household_no = i.household_no
WHERE NOT h.confidential OR i.household_no IS NOT NULL
ORDER BY h.household_no ASC
