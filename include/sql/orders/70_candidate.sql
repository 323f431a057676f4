-- Applications that could be the household's one: good or settled by phone, and not withdrawn by phone.
WITH settled AS (
    SELECT DISTINCT settled_application_id AS application_id
    FROM amendment_effect
    WHERE settled_application_id IS NOT NULL
)

SELECT
    contender.application_id,
    contender.household_no,
    contender.place,
    contender.is_released
FROM contender
LEFT JOIN settled ON contender.application_id = settled.application_id
LEFT JOIN withdrawal ON contender.household_no = withdrawal.household_no
WHERE
    (contender.is_good OR settled.application_id IS NOT NULL)
    AND (withdrawal.requested_at IS NULL OR contender.received_at > withdrawal.requested_at)
