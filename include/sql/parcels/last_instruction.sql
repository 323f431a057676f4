-- The delivery instruction in force for each household: the ward's last one.
-- in: household, delivery_instruction: by the numbers that we know the households by, in the order of the ward's files
-- (place)
WITH newest AS (
    SELECT
        household.household_no,
        MAX(d.place) AS place
    FROM household
    INNER JOIN delivery_instruction AS d ON household.household_no = d.household_no
    GROUP BY household.household_no
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
