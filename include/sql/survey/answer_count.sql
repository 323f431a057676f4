-- How often each choice was given: one row a choice, and one a question for answers that are no choice of it.
-- The last answer of an application to a question counts; a blank one is no answer.
-- in: survey_answer(application_id, question_code, answer, answered_at),
--     survey_choice(question_code, position, choice_code), the empty code last; $before (excluded)
WITH answered AS (
    SELECT
        question_code,
        TRIM(answer) AS answer,
        ROW_NUMBER() OVER (
            PARTITION BY application_id, question_code
            ORDER BY answered_at DESC, answer ASC
        ) AS from_last
    FROM survey_answer
    WHERE answered_at < $before
),

coded AS (
    SELECT
        a.question_code,
        COALESCE(c.choice_code, '') AS choice_code
    FROM answered AS a
    LEFT JOIN survey_choice AS c
        ON a.question_code = c.question_code AND a.answer = c.choice_code
    WHERE a.from_last = 1 AND a.answer <> ''
),

counted AS (
    SELECT
        question_code,
        choice_code,
        COUNT(*) AS answers
    FROM coded
    GROUP BY question_code, choice_code
)

SELECT
    c.question_code,
    c.position,
    c.choice_code,
    COALESCE(n.answers, 0) AS answers
FROM survey_choice AS c
LEFT JOIN counted AS n
    ON c.question_code = n.question_code AND c.choice_code = n.choice_code
ORDER BY c.question_code ASC, c.position ASC
