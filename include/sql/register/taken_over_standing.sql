-- Households once successors have taken their predecessors' place. Who was confidential stays so.
WITH chain AS (
    SELECT
        alias.identity_no,
        BOOL_OR(standing.confidential) AS confidential
    FROM alias
    INNER JOIN standing ON alias.household_no = standing.household_no
    GROUP BY alias.identity_no
)

SELECT
    COALESCE(alias.identity_no, standing.household_no) AS household_no,
    COALESCE(chain.confidential, standing.confidential) AS confidential,
    CASE WHEN alias.household_no IS NULL OR standing.is_gone THEN standing.state ELSE 'live' END AS state,
    CASE WHEN alias.household_no IS NULL OR standing.is_gone THEN standing.state_reason END AS state_reason,
    standing.is_gone,
    standing.household_no AS ward_no
FROM standing
LEFT JOIN alias ON standing.household_no = alias.household_no
LEFT JOIN chain ON alias.identity_no = chain.identity_no
WHERE alias.household_no IS NULL OR alias.is_last
