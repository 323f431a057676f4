-- Households of the register in force that the one that waits for a person's decision holds, deletes or drops, makes
-- confidential, or has no usable instruction for any more (G09).
-- in: household_before (in force), household_after (waiting)
SELECT
    household_before.household_no,
    household_before.confidential OR COALESCE(household_after.confidential, FALSE) AS confidential
FROM household_before
LEFT JOIN household_after ON household_before.household_no = household_after.household_no
WHERE
    (household_before.state = 'live' AND COALESCE(household_after.state, 'deleted') <> 'live')
    OR (household_after.confidential AND NOT household_before.confidential)
    OR (household_after.confidential AND household_before.instructed AND NOT household_after.instructed)
ORDER BY household_before.household_no ASC NULLS LAST
