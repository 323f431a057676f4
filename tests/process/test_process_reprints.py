"""A soiled sheet is printed once more as it was, with its cause; what must not go any more is not (G07)."""

from __future__ import annotations

import csv
import io
from datetime import date

import pypdfium2
import pytest
from programme import CONTRACT, Programme, one
from small_ward import CORRECTION_HEADER, COUPLE, FAMILY, SINGLE, correction, home_of, secret, table
from test_process_kills import killed_at_file, killed_before_commit
from test_process_pull_outs import names

from todoke.contract.sheet_layout import MM
from todoke.errors import TodokeError
from todoke.process import reprints

NEXT = date(2026, 9, 8)


def batch_of(programme: Programme, household: str) -> tuple[str, dict[str, str]]:
    """The batch in which a household's label was printed, and its line of the manifest."""
    for name, content in programme.out("labels/").items():
        if name.endswith("manifest.csv"):
            for row in csv.DictReader(io.StringIO(content.decode())):
                if row["application_no"] == programme.number(household):
                    return name.split("/")[1], row
    raise AssertionError(household)


def again(programme: Programme, household: str, position: bool = True) -> dict[str, int | str]:
    batch, row = batch_of(programme, household)
    place = {"file": row["file"], "sheet": int(row["sheet"]), "position": int(row["position"]) if position else None}
    return reprints.reprint(CONTRACT, batch=batch, **place, cause="汚損", by_whom="佐藤")  # type: ignore[arg-type]


def page(content: bytes) -> tuple[str, bytes]:
    """Text and drawing of the labels of a sheet, and what it says of itself under them."""
    sheet = pypdfium2.PdfDocument(content)[0]
    labels, text = sheet.render(scale=2).to_numpy()[: -round(2 * 20 * MM)], sheet.get_textpage()
    assert "枚目 1/1" in text.get_text_bounded(top=20 * MM)
    return text.get_text_bounded(bottom=20 * MM), labels.tobytes()


def test_a_sheet_is_printed_again_exactly_and_counted_apart(printed: Programme):
    shipments, batches = printed.rows("shipment"), printed.rows("batch")
    said = again(printed, FAMILY, position=False)
    batch, _ = batch_of(printed, FAMILY)
    before = printed.out("labels/")
    out = printed.out("labels_reprint")
    assert set(out) == {f"labels_reprint/{said['reprint']}/{name}" for name in ("labels_001.pdf", "manifest.csv")}
    assert page(out[f"labels_reprint/{said['reprint']}/labels_001.pdf"]) == page(
        before[f"labels/{batch}/labels_001.pdf"]
    )
    again_said = pypdfium2.PdfDocument(out[f"labels_reprint/{said['reprint']}/labels_001.pdf"]).get_metadata_dict()
    assert "刷り直し" in again_said["Title"] and batch in again_said["Keywords"]
    assert out[f"labels_reprint/{said['reprint']}/manifest.csv"] == before[f"labels/{batch}/manifest.csv"]
    kept = one(printed.rows("reprint"))
    assert (kept["batch_id"], kept["cause"], kept["by_whom"], kept["labels"]) == (batch, "汚損", "佐藤", said["labels"])
    assert (printed.rows("shipment"), printed.rows("batch")) == (shipments, batches)
    assert printed.faults() == []


def test_a_single_label_stands_at_its_own_place_and_every_reprint_has_its_own_id(printed: Programme):
    first, second = again(printed, COUPLE), again(printed, COUPLE)
    assert first["labels"] == second["labels"] == 1 and first["reprint"] != second["reprint"]
    contents = [printed.out(f"labels_reprint/{said['reprint']}") for said in (first, second)]
    assert len({tuple(content.values()) for content in contents}) == 1
    text, _ = page(next(value for name, value in contents[0].items() if name.endswith(".pdf")))
    assert printed.number(COUPLE) in text and printed.number(FAMILY) not in text
    _, row = batch_of(printed, COUPLE)
    manifest = next(value for name, value in contents[0].items() if name.endswith(".csv")).decode()
    assert f",{row['file']},{row['sheet']},{row['position']}," in manifest


def test_what_must_not_go_any_more_is_not_printed_again(printed: Programme):
    names(printed, FAMILY)
    rows = [*correction(secret(home_of(COUPLE))), *correction(home_of(SINGLE), "削除", "誤り")]
    printed.ward_sends("corrections", table(CORRECTION_HEADER, rows), NEXT)
    for process in ("intake", "register", "labels"):
        printed.run(process, NEXT)
    for household, why in ((FAMILY, "引抜きの対象"), (COUPLE, "秘匿世帯"), (SINGLE, "対象外")):
        with pytest.raises(TodokeError, match=why):
            again(printed, household)
    with pytest.raises(TodokeError, match="刷り直してはならない"):
        again(printed, FAMILY, position=False)
    batch, row = batch_of(printed, FAMILY)
    for wrong, why in (
        ({"batch": "X"}, "出力されていません"),
        ({"sheet": 9}, "ありません"),
        ({"position": 99}, "ありません"),
        ({"cause": " "}, "理由と担当者"),
    ):
        place = {"batch": batch, "file": row["file"], "sheet": 1, "position": 1, "cause": "汚損", "by_whom": "佐藤"}
        with pytest.raises(TodokeError, match=why):
            reprints.reprint(CONTRACT, **place | wrong)  # type: ignore[arg-type]
    assert printed.rows("reprint") == []
    assert printed.out("labels_reprint") == {}


def test_a_killed_reprint_is_made_again_under_the_same_id(printed: Programme):
    with killed_at_file(2, "labels_reprint"):
        again(printed, COUPLE)
    with killed_before_commit(1):
        again(printed, COUPLE)
    assert printed.rows("reprint") == []
    said = again(printed, COUPLE)
    assert {name.split("/")[1] for name in printed.out("labels_reprint")} == {said["reprint"]}
    assert len(printed.rows("reprint")) == 1
