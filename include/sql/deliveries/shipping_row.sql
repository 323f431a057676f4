-- The rows of a shipping file: one a parcel line; a cancelled or stopped parcel is one row, its number is enough.
-- in: parcel(shipment_id, revision, action, kind, household_no, application_no),
--     parcel_line(shipment_id, item_code, item_name, quantity),
--     address(household_no, postal_code, address, building, name), one row a household
SELECT
    p.shipment_id,
    p.revision,
    p.action,
    p.kind,
    p.application_no,
    a.postal_code,
    a.address,
    a.building,
    a.name,
    l.item_code,
    l.item_name,
    l.quantity
FROM parcel AS p
LEFT JOIN address AS a
    ON p.household_no = a.household_no AND p.action IN ('instruct', 'replace')
LEFT JOIN parcel_line AS l
    ON p.shipment_id = l.shipment_id AND p.action IN ('instruct', 'replace')
ORDER BY p.shipment_id ASC, p.revision ASC, l.item_code ASC NULLS FIRST
