-- What has left for a household by the end of the business date: the rules cannot undo it.
SELECT
    household_no,
    MAX(CASE WHEN kind = 'goods' THEN 1 ELSE 0 END) = 1 AS goods_released,
    MAX(CASE WHEN kind = 'toilet' THEN 1 ELSE 0 END) = 1 AS toilets_released,
    MIN(CASE WHEN kind = 'goods' THEN handed_over_at END) AS goods_handed_over_at,
    MIN(CASE WHEN kind = 'goods' AND sequence = 1 THEN handed_over_at END) AS first_handed_over_at,
    MIN(CASE WHEN kind = 'goods' AND sequence = 1 THEN source_ref END) AS goods_source
FROM shipment
WHERE released_on <= $as_of AND kind IN ('goods', 'toilet')
GROUP BY household_no
