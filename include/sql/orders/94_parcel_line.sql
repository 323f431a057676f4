-- What is in each parcel.
SELECT
    parcel_order.household_no,
    parcel_order.cause,
    parcel_order.cause_ref,
    order_line.item_code,
    CAST(SUM(order_line.quantity) AS BIGINT) AS quantity
FROM parcel_order
INNER JOIN order_line ON parcel_order.order_id = order_line.order_id
GROUP BY parcel_order.household_no, parcel_order.cause, parcel_order.cause_ref, order_line.item_code
ORDER BY
    parcel_order.household_no ASC NULLS LAST,
    parcel_order.cause ASC NULLS LAST,
    parcel_order.cause_ref ASC NULLS LAST,
    order_line.item_code ASC NULLS LAST
