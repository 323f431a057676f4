-- The counts as they may be shown: small cells suppressed, and so much beside them that nobody can work them out.
-- A cell of 1 to $small_cell - 1 is small. Beside the small ones the smallest of the others go too (all of equal
-- size, zeros last) when the small ones could be told from the total: there is one alone, or they are all 1, all
-- $small_cell - 1, or together below $small_cell. When nothing is left to go, or the total itself is small, the
-- total goes. NULL means suppressed.
-- in: answer_count(question_code, position, choice_code, answers); $small_cell
WITH marked AS (
    SELECT
        question_code,
        position,
        choice_code,
        answers,
        CASE WHEN answers > 0 AND answers < $small_cell THEN 1 ELSE 0 END AS small
    FROM answer_count
),

measured AS (
    SELECT
        question_code,
        CAST(SUM(answers) AS BIGINT) AS total,
        CAST(SUM(small) AS BIGINT) AS smalls,
        CAST(SUM(small * answers) AS BIGINT) AS in_smalls,
        MIN(CASE WHEN small = 0 AND answers > 0 THEN answers END) AS least_other,
        MAX(CASE WHEN answers = 0 THEN 1 ELSE 0 END) AS has_zero
    FROM marked
    GROUP BY question_code
),

judged AS (
    SELECT
        question_code,
        total,
        CASE WHEN total > 0 AND total < $small_cell THEN 1 ELSE 0 END AS small_total,
        CASE
            WHEN smalls = 0 THEN 0
            WHEN
                smalls = 1 OR in_smalls = smalls OR in_smalls = smalls * ($small_cell - 1)
                OR in_smalls < $small_cell
                THEN 1
            ELSE 0
        END AS tellable,
        CASE WHEN least_other IS NOT NULL THEN least_other WHEN has_zero = 1 THEN 0 END AS beside
    FROM measured
)

SELECT
    m.question_code,
    m.position,
    m.choice_code,
    CASE
        WHEN j.small_total = 1 OR m.small = 1 THEN NULL
        WHEN j.tellable = 1 AND m.answers = j.beside THEN NULL
        ELSE m.answers
    END AS answers,
    CASE
        WHEN j.small_total = 1 OR (j.tellable = 1 AND j.beside IS NULL) THEN NULL
        ELSE j.total
    END AS total
FROM marked AS m
INNER JOIN judged AS j ON m.question_code = j.question_code
ORDER BY m.question_code ASC, m.position ASC
