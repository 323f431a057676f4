-- Who stands in for whom: the number that the ward uses now, and the one that we know the household by. Late: the ward
-- has named the successor only by an event after the reference date.
SELECT
    alias.household_no AS successor_no,
    alias.identity_no,
    standing.state = 'held' AND NOT standing.is_gone AS is_late
FROM alias
INNER JOIN standing ON alias.household_no = standing.household_no
WHERE alias.is_last
