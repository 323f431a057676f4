-- Households that one of their catalogues reached, as far as anybody knows: handed over, not back, not lost (G23).
-- One that came back, from whatever address, reached nobody; a parcel sent again to a new address may.
-- in: shipment
SELECT DISTINCT s.household_no
FROM shipment AS s
WHERE
    s.kind = 'catalogue'
    AND s.handed_over_at IS NOT NULL
    AND s.state NOT IN ('returned_unknown_address', 'returned_refused', 'returned_expired', 'lost')
