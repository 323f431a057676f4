-- Every line of every order, judged against the catalogue on the day the order was received.
WITH received AS (
    SELECT
        application_id AS order_id,
        CAST(received_at AS DATE) AS received_on
    FROM application
    UNION ALL
    SELECT
        amendment_id AS order_id,
        CAST(requested_at AS DATE) AS received_on
    FROM amendment_in_turn
),

line AS (
    SELECT
        'W:' || application_id AS order_id,
        item_code,
        quantity,
        TRUE AS is_readable
    FROM web_line
    UNION ALL
    SELECT
        'P:' || card_no AS order_id,
        item_code,
        quantity,
        COALESCE(item_confidence >= $threshold AND TRIM(item_code) <> '' AND quantity_readable, FALSE) AS is_readable
    FROM postcard_line
    UNION ALL
    SELECT
        'A:' || amendment_id AS order_id,
        item_code,
        quantity,
        TRUE AS is_readable
    FROM amendment_line
)

SELECT
    line.order_id,
    line.item_code,
    line.quantity,
    line.is_readable,
    COALESCE(CAST(catalogue.points AS BIGINT) * line.quantity, 0) AS points,
    catalogue.item_code IS NULL OR COALESCE(line.quantity, 0) < 1 AS is_unknown,
    COALESCE(catalogue.refused_from <= received.received_on, FALSE)
    OR COALESCE(received.received_on < catalogue.orderable_from, FALSE)
    OR COALESCE(received.received_on > catalogue.orderable_to, FALSE) AS is_refused
FROM line
INNER JOIN received ON line.order_id = received.order_id
LEFT JOIN catalogue ON line.item_code = catalogue.item_code
