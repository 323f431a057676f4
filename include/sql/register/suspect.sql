-- Households that are gone or came after the base file: only among them are predecessors and successors.
SELECT household_no
FROM standing
WHERE is_gone
UNION
SELECT household_no
FROM entry
WHERE nth > 0
