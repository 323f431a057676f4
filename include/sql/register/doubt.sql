-- Households of which a file says something in quarantine that may forbid a delivery: a stop, an instruction, a
-- deletion, a change of an unknown kind, a household to protect, or a row that could not be read. They wait for the
-- ward's answer, or until a later file of the same kind has a sound row of the household (G09).
-- in: aside (lines of the quarantine that stand), sent_row (what those kinds of files say), file (with its kind)
WITH line AS (
    SELECT
        aside.receipt_no,
        aside.household_no,
        MAX(file.kind) AS kind,
        BOOL_OR(aside.reason IN ('ragged', 'bad_character')) AS is_unread
    FROM aside
    INNER JOIN file ON aside.receipt_no = file.receipt_no
    WHERE aside.household_no IS NOT NULL
    GROUP BY aside.receipt_no, aside.household_no
    HAVING NOT BOOL_OR(aside.reason = 'not_wanted')
),

said AS (
    SELECT
        receipt_no,
        household_no,
        BOOL_OR(COALESCE(change_kind, '') NOT IN ('更新', '追加')) AS forbids,
        BOOL_OR(TRANSLATE(COALESCE(confidential, ''), '０１' || $blanks, '01') NOT IN ('', '0')) AS is_secret
    FROM sent_row
    GROUP BY receipt_no, household_no
)

SELECT
    line.household_no,
    BOOL_OR(line.kind = 'special_delivery' OR COALESCE(said.is_secret, FALSE)) AS confidential
FROM line
LEFT JOIN said ON line.receipt_no = said.receipt_no AND line.household_no = said.household_no
WHERE line.is_unread OR said.forbids OR said.is_secret
GROUP BY line.household_no
ORDER BY line.household_no ASC NULLS LAST
