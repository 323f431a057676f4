-- Households that are in both versions and whose members, names or address differ, and in which of the three.
WITH pair AS (
    SELECT
        b.household_no,
        a.household_no IS NULL OR COALESCE(a.birth_date, DATE '1868-01-25') <> COALESCE(b.birth_date, DATE '1868-01-25')
            AS new_members,
        a.member_name || '/' || a.member_kana || '/' || a.head_name || '/' || a.head_kana
        <> b.member_name || '/' || b.member_kana || '/' || b.head_name || '/' || b.head_kana AS new_names,
        a.postal_code || '/' || a.town || '/' || a.block || '/' || COALESCE(a.building, '')
        <> b.postal_code || '/' || b.town || '/' || b.block || '/' || COALESCE(b.building, '') AS new_address
    FROM person_before AS b
    LEFT JOIN person_after AS a ON b.household_no = a.household_no AND b.member_no = a.member_no
    UNION ALL
    SELECT
        a.household_no,
        TRUE AS new_members,
        FALSE AS new_names,
        FALSE AS new_address
    FROM person_after AS a
    LEFT JOIN person_before AS b ON a.household_no = b.household_no AND a.member_no = b.member_no
    WHERE b.household_no IS NULL
)

SELECT
    pair.household_no,
    BOOL_OR(pair.new_members) AS new_members,
    BOOL_OR(COALESCE(pair.new_names, FALSE) AND NOT pair.new_members) AS new_names,
    BOOL_OR(COALESCE(pair.new_address, FALSE)) AS new_address
FROM pair
INNER JOIN household_before AS b ON pair.household_no = b.household_no
INNER JOIN household_after AS a ON pair.household_no = a.household_no
GROUP BY pair.household_no
