"""Fonts by priority, new shapes that wait for a person, and what operators and ward are told of them (G04, G08)."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_samples import EMPTY, eudc_font
from programme import CONTRACT, Programme, installation, one
from pypdfium2 import PdfDocument
from small_ward import GAIJI, GAIJI_NAME, HOMES, drop

from todoke.contract import loader
from todoke.errors import ContractError
from todoke.labels.faces import Face, Glyph, shapes
from todoke.labels.fonts import base_font_path
from todoke.process import approval, gaiji_proof, labels
from todoke.process.gaiji_fonts import font_file, fonts_in_force, gaiji_fonts
from todoke.process.gaiji_shapes import SUBJECT, unseen
from todoke.process.releasing import claimed
from todoke.process.workspace import Workspace

LABELS, NEXT, LATER = date(2026, 9, 7), date(2026, 9, 8), date(2026, 9, 9)


def sends_font(programme: Programme, name: str, font: bytes, on: date) -> dict[str, object]:
    drop(programme.inbox("cloud"), name, font)
    return programme.run("intake", on)


def in_force(on: date = LABELS) -> list[bytes]:
    ws = Workspace.open(CONTRACT, on)
    with ws.ledger.read() as tx:
        numbers = fonts_in_force(ws, tx).gaiji
    return [font_file(ws, number) for number in numbers]


def shape(font: bytes) -> str:
    return shapes(Face.read(font, "font"), [ord(GAIJI)])[ord(GAIJI)]


def shape_in_force(on: date = LABELS) -> str:
    fonts = gaiji_fonts(Workspace.open(CONTRACT, on))
    return shape(fonts.faces[fonts.elsewhere[GAIJI]].data)


def rows_of(programme: Programme, name: str) -> list[dict[str, str]]:
    """The rows of the lists of a name, newest register and content alike."""
    lists = [content for key, content in programme.out("gaiji").items() if key.rpartition("/")[2].startswith(name)]
    return [row for content in lists for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]


def prints(programme: Programme, on: date) -> None:
    """A person says yes to everything that is asked until all is printed."""
    for _ in range(4):
        programme.run("labels", on)
        if not programme.answer():
            return


def sheets(programme: Programme) -> str:
    pdfs = [content for key, content in programme.out("gaiji").items() if key.endswith(".pdf")]
    return "".join(page.get_textpage().get_text_bounded() for pdf in pdfs for page in PdfDocument(pdf))


@pytest.fixture
def with_contract(in_july: Programme, tmp_path: Path) -> Iterator[Callable[..., Programme]]:
    """The programme in July under a contract with other settings of its labels."""
    entered = []

    def made(**settings: object) -> Programme:
        root = installation(tmp_path / "root", labels=settings)
        shutil.copytree(in_july.home, tmp_path / "home")
        context = Programme(tmp_path / "home", root, now=in_july.now).entered()
        entered.append(context)
        return context.__enter__()

    yield made
    for context in entered:
        context.__exit__(None, None, None)


# -- several fonts ---------------------------------------------------------------------------------------------


def test_the_newest_font_of_each_name_counts_and_names_not_listed_follow_by_name(july: Programme):
    first, second, newer = eudc_font(nudge=0.01), eudc_font(nudge=0.02), eudc_font(nudge=0.03)
    for name, font in (("MINCHO.TTE", first), ("EUDC_2.TTE", second), ("mincho.tte", newer)):
        sends_font(july, name, font, LABELS)
    assert in_force()[1:] == [second, newer]


def test_the_contract_says_which_font_draws_a_code_point_that_several_have(with_contract: Callable[..., Programme]):
    programme = with_contract(gaiji_fonts=["MINCHO.TTE", "eudc.tte"])
    first, second = eudc_font(nudge=0.01), eudc_font(nudge=0.02)
    before = shape_in_force()
    sends_font(programme, "ANOTHER.TTE", first, LABELS)
    assert shape_in_force() == before
    sends_font(programme, "MINCHO.TTE", second, LABELS)
    assert shape_in_force() == shape(second)


def test_the_same_font_again_after_one_of_another_name_is_a_repeat(july: Programme):
    font = eudc_font(nudge=0.01)
    sends_font(july, "MINCHO.TTE", font, LABELS)
    sends_font(july, "EUDC_2.TTE", eudc_font(nudge=0.02), LABELS)
    assert sends_font(july, "MINCHO.TTE", font, NEXT)["receive"]["repeats"] == 1
    assert sends_font(july, "MINCHO_2.TTE", font, NEXT)["receive"]["accepted_files"] == 1
    assert approval.pending(CONTRACT) == []
    assert len(in_force()) == 4


def test_a_batch_keeps_all_its_fonts_and_comes_out_the_same_when_others_have_come(july: Programme):
    sends_font(july, "EUDC_2.TTE", eudc_font(nudge=0.02), LABELS)
    july.run("labels", LABELS)
    july.answer()
    batches = claimed(Workspace.open(CONTRACT, LABELS), "catalogue")
    then, batch = next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(batch.settings["gaiji_fonts"].split()) == 2
    assert labels.publish_labels(then, [batch]) == batch.members
    sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), NEXT)
    assert labels.publish_labels(then, [batch]) == batch.members  # the outbox refuses another content


# -- the base font ---------------------------------------------------------------------------------------------


def test_labels_are_drawn_with_the_mincho_that_the_contract_chooses(with_contract: Callable[..., Programme]):
    programme = with_contract(base_font="mincho")
    prints(programme, LABELS)
    pdf = next(content for key, content in programme.out("labels").items() if key.endswith(".pdf"))
    assert b"NotoSerifJP-Regular" in pdf and b"IPAexGothic" not in pdf


def test_a_base_font_of_the_contract_that_is_not_there_is_named(with_contract: Callable[..., Programme]):
    with_contract(base_font="fonts/own.ttf")
    with pytest.raises(ContractError, match=r"fonts/own\.ttf"):
        gaiji_proof.prove(CONTRACT, LABELS)


def test_a_batch_is_never_printed_with_a_base_font_that_was_replaced(with_contract: Callable[..., Programme]):
    programme = with_contract(base_font="own.ttf")
    file = programme.root / "contracts" / CONTRACT / "own.ttf"
    shutil.copy(base_font_path(), file)
    programme.run("labels", LABELS)
    programme.answer()
    batches = claimed(Workspace.open(CONTRACT, LABELS), "catalogue")
    then, batch = next(batches)
    batches.close()  # type: ignore[attr-defined]
    shutil.copy(base_font_path("mincho"), file)
    with pytest.raises(ContractError, match="印刷を確定した時のものと違います"):
        labels.publish_labels(then, [batch])
    shutil.copy(base_font_path(), file)
    assert labels.publish_labels(then, [batch]) == batch.members


@pytest.mark.parametrize("path", ["../own.ttf", "/own.ttf", "", "a/../../own.ttf"])
def test_a_base_font_outside_the_contracts_folder_is_refused(with_contract: Callable[..., Programme], path: str):
    with_contract(base_font=path)
    with pytest.raises(ContractError, match="base_font"):
        loader.load(CONTRACT, LABELS)


# -- new shapes ------------------------------------------------------------------------------------------------


def test_a_new_font_is_compared_with_the_last_one_of_its_name(july: Programme):
    said = sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), LABELS)
    assert said["compare"] == {"compared": 1, "added": 0, "removed": 0, "reshaped": 1}
    listed = one([csv.DictReader(io.StringIO(c.decode("utf-8-sig"))) for c in july.out("gaiji/deliveries").values()])
    assert [(row["コードポイント"], row["CP932"], row["比較"]) for row in listed] == [
        ("U+E000", "F040", "字形が変わった")
    ]
    assert july.run("intake", NEXT)["compare"]["compared"] == 0
    assert sends_font(july, "EUDC_2.TTE", eudc_font(), NEXT)["compare"]["compared"] == 0


def test_a_household_with_a_reshaped_gaiji_is_held_until_a_person_has_looked(july: Programme):
    sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), LABELS)
    said = july.run("labels", LABELS)
    assert (said["prove"]["characters"], said["prove"]["households"], said["prove"]["requests"]) == (1, 1, 1)
    assert july.parcel(GAIJI_NAME, "catalogue")["state"] == "on_hold"
    asked = one([dict(request) for request in approval.pending(CONTRACT) if request["subject"].endswith(SUBJECT)])
    assert "1種の字形が変わりました" in asked["body"] and "印刷を止めている世帯：1世帯" in asked["body"]
    assert GAIJI_NAME not in asked["body"] and GAIJI not in asked["body"]
    assert "字形が変わった" in sheets(july)
    prints(july, LABELS)
    assert july.parcel(GAIJI_NAME, "catalogue")["state"] == "released"
    assert rows_of(july, "printed_otherwise") == []
    assert july.faults() == []


def test_after_a_no_the_others_are_printed_and_the_household_stays_held(july: Programme):
    sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), LABELS)
    july.run("labels", LABELS)
    [asked] = [request for request in approval.pending(CONTRACT) if request["subject"].endswith(SUBJECT)]
    approval.record(CONTRACT, asked["subject"], asked["digest"], "rejected", "admin")
    july.answer()
    said = july.run("labels", NEXT)
    assert said["release_batches"]["labels"] == 10
    assert july.parcel(GAIJI_NAME, "catalogue")["state"] == "on_hold"
    assert {(t["labels"] + t["held"] + t["excluded"]) for t in july.control("labels")} == {12}
    sends_font(july, "EUDC.TTE", eudc_font(composite=True), NEXT)  # the shape that was seen first
    prints(july, LATER)
    assert july.parcel(GAIJI_NAME, "catalogue")["state"] == "released"


def test_labels_printed_with_the_old_shape_are_listed_by_their_place(july: Programme):
    prints(july, LABELS)
    sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), NEXT)
    said = july.run("labels", NEXT)
    assert (said["prove"]["printed_otherwise"], said["prove"]["requests"]) == (1, 1)
    label = one(rows_of(july, "printed_otherwise"))
    manifests = {key.split("/")[1]: c for key, c in july.out("labels").items() if key.endswith("manifest.csv")}
    row = one([r for r in csv.DictReader(io.StringIO(manifests[label["束"]].decode())) if "gaiji" in r["flags"]])
    assert (label["ファイル"], label["シート"], label["位置"]) == (row["file"], row["sheet"], row["position"])
    assert label["引渡日"] == "未引渡し"
    assert (label["申込番号"], label["世帯番号"]) == (july.number(GAIJI_NAME), GAIJI_NAME)
    assert label["コードポイント"] == "U+E000"
    assert "字形が変わった" in sheets(july)
    july.answer()
    assert july.run("labels", LATER)["prove"]["requests"] == 0
    assert len(rows_of(july, "printed_otherwise")) == 1


def test_a_font_that_draws_the_same_otherwise_stops_nothing(july: Programme):
    prints(july, LABELS)
    assert sends_font(july, "EUDC.TTE", eudc_font(composite=True), NEXT)["compare"]["reshaped"] == 0
    proof = july.run("labels", NEXT)["prove"]
    assert (proof["printed_otherwise"], proof["requests"], proof["households"]) == (0, 0, 0)


SHOWN = st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123")), min_size=1, max_size=6)


@given(SHOWN, st.sets(st.integers(0, 5)))
def test_what_changed_is_what_nobody_has_seen_so(shown: list[dict[str, str]], yes: set[int]):
    last, first = shown[-1], {char: shape for step in reversed(shown) for char, shape in step.items()}
    never, _ = unseen(shown, lambda *_: False)
    assert never == {char: (first[char], shape) for char, shape in last.items() if first[char] != shape}
    assert unseen(shown, lambda *_: True) == ({}, {})
    changed, seen_at = unseen(shown, lambda step, _: step in yes)
    assert changed.keys() == seen_at.keys() <= last.keys()
    for char, (before, now) in changed.items():
        assert (shown[seen_at[char]][char], last[char]) == (before, now)
        assert before != now and seen_at[char] < len(shown) - 1
    assert not (len(shown) - 1 in yes and changed)


# -- what operators and ward are told --------------------------------------------------------------------------


def test_held_households_are_listed_with_their_reason_and_nothing_of_a_person(july: Programme):
    sends_font(july, "EUDC.TTE", eudc_font(nudge=0.1), LABELS)
    july.run("labels", LABELS)
    assert rows_of(july, "held") == [
        {
            "申込番号": july.number(GAIJI_NAME),
            "世帯番号": GAIJI_NAME,
            "理由": Glyph.RESHAPED.label,
            "コードポイント": "U+E000",
        }
    ]
    told = "".join(content.decode("utf-8-sig") for key, content in july.out("gaiji").items() if key.endswith(".csv"))
    told += sheets(july)
    assert not any(part in told for home in HOMES for part in (home.members[0][0], home.members[0][1], home.block))


def test_the_ward_gets_a_sheet_of_every_gaiji_in_use_once(july: Programme):
    july.run("labels", LABELS)
    july.run("labels", NEXT)
    pdf = one([{"pdf": content} for key, content in july.out("gaiji").items() if key.endswith(".pdf")])["pdf"]
    text = PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    assert GAIJI in text and "U+E000" in text and "印字できる" in text and "EUDC.TTE" in text
    assert chr(EMPTY) not in text
