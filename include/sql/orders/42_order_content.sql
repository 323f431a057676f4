-- What an order comes to: its points (an unknown item has none) and the first thing wrong with its lines.
SELECT
    order_id,
    CAST(SUM(points) AS BIGINT) AS points,
    MAX(CASE WHEN is_readable THEN 0 ELSE 1 END) = 1 AS is_illegible,
    CASE
        WHEN MAX(CASE WHEN is_unknown THEN 1 ELSE 0 END) = 1 THEN 'unknown_item'
        WHEN MAX(CASE WHEN is_refused THEN 1 ELSE 0 END) = 1 THEN 'refused_item'
    END AS fault
FROM order_line
GROUP BY order_id
