-- Every finding but those that another finding of the same household explains, so that one mistake is one reason.
SELECT
    finding.receipt_no,
    finding.row_no,
    finding.household_no,
    finding.field,
    finding.reason,
    bad_row.byte_offset
FROM finding
LEFT JOIN bad_row
    ON
        finding.receipt_no = bad_row.receipt_no
        AND finding.row_no = bad_row.row_no
        AND finding.reason = bad_row.reason
        AND finding.field IS NOT DISTINCT FROM bad_row.field
WHERE
    NOT EXISTS (
        SELECT 1
        FROM finding AS other
        INNER JOIN precedence ON other.reason = precedence.reason
        WHERE
            precedence.explained = finding.reason
            AND other.receipt_no = finding.receipt_no
            AND other.household_no = finding.household_no
    )
ORDER BY finding.receipt_no, finding.row_no, finding.field NULLS FIRST, finding.reason
