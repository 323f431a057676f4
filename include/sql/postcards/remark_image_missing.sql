-- A card without the name of its image: nobody could look at it.
SELECT
    card_no AS subject,
    '画像ファイル名' AS field,
    'image_missing' AS reason
FROM postcard
WHERE
    image_file = ''
