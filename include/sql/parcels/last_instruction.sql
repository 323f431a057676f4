-- The delivery instruction in force for each household: the ward's last one under any number that it has had for it.
-- in: household, delivery_instruction, rows in the order of the ward's files (place)
WITH known AS (
    SELECT
        household_no,
        household_no AS any_no
    FROM household
    UNION
    SELECT
        household_no,
        COALESCE(ward_no, household_no) AS any_no
    FROM household
),

newest AS (
    SELECT
        known.household_no,
        MAX(d.place) AS place
    FROM known
    INNER JOIN delivery_instruction AS d ON known.any_no = d.household_no
    GROUP BY known.household_no
)

SELECT
    newest.household_no,
    d.method,
    d.postal_code,
    d.address,
    d.building,
    d.recipient_name,
    d.held_at
FROM newest
INNER JOIN delivery_instruction AS d ON newest.place = d.place
