-- The members that a file's rows stand for; numbered by the file's own numbers or else by its order.
SELECT
    ward_row.household_no,
    CAST(
        ROW_NUMBER() OVER (
            PARTITION BY ward_row.household_no
            ORDER BY LENGTH(ward_row.member_no) NULLS LAST, ward_row.member_no NULLS LAST, ward_row.row_no
        ) AS INTEGER
    ) AS member_no,
    CASE
        WHEN
            MAX(CASE WHEN TRANSLATE(ward_row.relationship, $blanks, '') = '世帯主' THEN 1 ELSE 0 END)
                OVER (PARTITION BY ward_row.household_no)
            = 1
            THEN TRANSLATE(ward_row.relationship, $blanks, '') = '世帯主'
        ELSE ward_row.member_name = ward_row.head_name
    END AS is_head,
    ward_row.member_name,
    ward_row.member_kana,
    parsed_date.parsed_on AS birth_date,
    ward_row.head_name,
    ward_row.head_kana,
    REPLACE(ward_row.postal_code, '-', '') AS postal_code,
    ward_row.town,
    ward_row.block,
    ward_row.building,
    -- NULL when the file does not say; whatever is not surely a no is a yes (G09)
    CASE
        WHEN TRANSLATE(ward_row.confidential, '０１' || $blanks, '01') <> ''
            THEN TRANSLATE(ward_row.confidential, '０１' || $blanks, '01') <> '0'
    END AS confidential
FROM ward_row
LEFT JOIN parsed_date ON ward_row.birth_date = parsed_date.text
