-- Households that a revision no longer names and a person has let go.
SELECT household_no
FROM answer
WHERE kind = 'removed' AND verdict = 'remove' AND receipt_no = $receipt_no
