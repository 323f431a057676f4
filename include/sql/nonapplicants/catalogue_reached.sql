-- Households that one of their catalogues reached, as far as anybody knows: handed over, not back, not lost.
-- in: shipment
SELECT DISTINCT s.household_no
FROM shipment AS s
WHERE
    s.kind = 'catalogue'
    AND s.handed_over_at IS NOT NULL
    AND s.state NOT IN ('returned_unknown_address', 'lost')
