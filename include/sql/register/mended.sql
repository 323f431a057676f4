-- Households in quarantine that a later file has told of soundly: what was wrong before need not be asked any more.
-- What the base or an addition has wrong is mended by any file that brings or changes the household; what a correction,
-- a stop or an instruction has wrong, by another of its kind.
-- in: aside (lines of the quarantine), sent_row (receipt_no, household_no, change_kind of the landed rows), file (kind,
-- place in the order of effect)
WITH sound AS (
    SELECT DISTINCT
        sent_row.household_no,
        file.kind,
        file.place,
        COALESCE(sent_row.change_kind, '') <> '削除' AS is_there
    FROM sent_row
    INNER JOIN file ON sent_row.receipt_no = file.receipt_no
    LEFT JOIN aside ON sent_row.receipt_no = aside.receipt_no AND sent_row.household_no = aside.household_no
    WHERE aside.household_no IS NULL
),

mending AS (
    SELECT
        aside.receipt_no,
        aside.household_no,
        MIN(sound.place) AS place
    FROM aside
    INNER JOIN file ON aside.receipt_no = file.receipt_no
    INNER JOIN sound
        ON
            aside.household_no = sound.household_no
            AND file.place < sound.place
            AND (
                file.kind = sound.kind
                OR (
                    file.kind IN ('households', 'additions')
                    AND sound.kind IN ('households', 'additions', 'corrections')
                    AND sound.is_there
                )
            )
    GROUP BY aside.receipt_no, aside.household_no
)

SELECT
    aside.receipt_no,
    aside.row_no,
    aside.household_no,
    aside.field,
    aside.reason,
    aside.byte_offset,
    file.receipt_no AS mended_by
FROM aside
LEFT JOIN mending ON aside.receipt_no = mending.receipt_no AND aside.household_no = mending.household_no
LEFT JOIN file ON mending.place = file.place
ORDER BY aside.receipt_no, aside.row_no, aside.field NULLS FIRST, aside.reason
