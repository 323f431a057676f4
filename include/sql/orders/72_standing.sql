-- The one application that stands for a household: the one whose goods are released, else the first candidate;
-- none when the released goods belong to an application that no longer counts.
WITH first_choice AS (
    SELECT
        candidate.household_no,
        COALESCE(
            MIN(CASE WHEN candidate.is_released THEN candidate.place END),
            MIN(CASE WHEN shipped.goods_released THEN NULL ELSE candidate.place END)
        ) AS place
    FROM candidate
    LEFT JOIN shipped ON candidate.household_no = shipped.household_no
    GROUP BY candidate.household_no
)

SELECT
    candidate.household_no,
    candidate.application_id
FROM candidate
INNER JOIN first_choice
    ON candidate.household_no = first_choice.household_no AND candidate.place = first_choice.place
