-- What is in the goods parcels that persons have asked for once more (G24): the lines of the parcel that did not
-- arrive, as the carrier had it. One line an item; nothing for a household that is deleted.
-- in: resend_request, shipment (`facts.SHIPMENT`, goods), revision, item, household
SELECT
    shipment.household_no,
    'resend' AS cause,
    resend_request.request_id AS cause_ref,
    revision.source_ref,
    household.state <> 'live' OR (household.confidential AND NOT household.instructed) AS held,
    household.confidential,
    item.item_code,
    item.quantity
FROM resend_request
INNER JOIN shipment ON resend_request.shipment_id = shipment.shipment_id
INNER JOIN household ON shipment.household_no = household.household_no
INNER JOIN revision
    ON
        shipment.shipment_id = revision.shipment_id
        AND COALESCE(shipment.handed_rev, shipment.told_rev, shipment.released_rev) = revision.rev
INNER JOIN item ON revision.shipment_id = item.shipment_id AND revision.rev = item.rev
WHERE household.state <> 'deleted'
ORDER BY shipment.household_no ASC, cause_ref ASC, item.item_code ASC
