-- The delivery instruction in force for each household: the last one received.
-- in: delivery_instruction, rows in the order of their arrival (place)
WITH newest AS (
    SELECT
        household_no,
        MAX(place) AS place
    FROM delivery_instruction
    GROUP BY household_no
)

SELECT
    d.household_no,
    d.postal_code,
    d.address,
    d.building,
    d.recipient_name,
    d.held_at
FROM delivery_instruction AS d
INNER JOIN newest ON d.household_no = newest.household_no AND d.place = newest.place
