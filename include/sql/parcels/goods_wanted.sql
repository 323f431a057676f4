-- The goods parcels that should exist, with what their lines are worth and where their batch goes (G12, G09).
-- in: parcel, parcel_line (`orders.reconcile.Desired`), catalogue(item_code, points),
--     household(household_no, confidential)
WITH worth AS (
    SELECT
        piece.household_no,
        piece.cause,
        piece.cause_ref,
        SUM(piece.quantity * COALESCE(catalogue.points, 0)) AS points
    FROM parcel_line AS piece
    LEFT JOIN catalogue ON piece.item_code = catalogue.item_code
    GROUP BY piece.household_no, piece.cause, piece.cause_ref
)

SELECT
    parcel.household_no,
    parcel.cause,
    parcel.cause_ref,
    parcel.source_ref,
    parcel.held,
    CAST(COALESCE(worth.points, 0) AS INTEGER) AS points,
    COALESCE(household.confidential, FALSE) AS confidential
FROM parcel
LEFT JOIN worth
    ON
        parcel.household_no = worth.household_no
        AND parcel.cause = worth.cause AND parcel.cause_ref = worth.cause_ref
LEFT JOIN household ON parcel.household_no = household.household_no
