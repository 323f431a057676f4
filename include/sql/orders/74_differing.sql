-- Duplicates whose content differs from that of the application that stands: operators look at these.
WITH pair AS (
    SELECT
        candidate.application_id,
        standing.application_id AS standing_id
    FROM candidate
    INNER JOIN standing ON candidate.household_no = standing.household_no
    WHERE candidate.application_id <> standing.application_id
),

own AS (
    SELECT
        pair.application_id,
        order_line.item_code,
        SUM(order_line.quantity) AS quantity
    FROM pair
    INNER JOIN order_line ON pair.application_id = order_line.order_id
    GROUP BY pair.application_id, order_line.item_code
),

stood AS (
    SELECT
        pair.application_id,
        order_line.item_code,
        SUM(order_line.quantity) AS quantity
    FROM pair
    INNER JOIN order_line ON pair.standing_id = order_line.order_id
    GROUP BY pair.application_id, order_line.item_code
),

only_own AS (
    SELECT * FROM own
    EXCEPT
    SELECT * FROM stood
),

only_stood AS (
    SELECT * FROM stood
    EXCEPT
    SELECT * FROM own
)

SELECT application_id FROM only_own
UNION
SELECT application_id FROM only_stood
