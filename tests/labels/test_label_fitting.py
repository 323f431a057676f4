"""A field is shrunk and wrapped without losing a character or cutting a number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todoke.labels.fonts import FontSet
from todoke.labels.sheet import ADDRESS, BUILDING, NAME
from todoke.labels.wrapping import Style, break_points, fit

WORDS = st.sampled_from(
    "中央町,目黒,二丁目,三田,１２番３４号,1-2-3,101号室,ＡＢＣ,12番地の3,グランドメゾン,ザ・,パーク,コーポ,弐番館,B棟203,"  # noqa: SIM905
    "Residence,の,（東）,ー,\u3000, ,1.234".split(",")
)
TEXTS = st.lists(WORDS, min_size=1, max_size=14).map("".join)


@given(TEXTS, st.sampled_from([ADDRESS, BUILDING, NAME]), st.integers(60, 240))
@settings(max_examples=300, deadline=None)
def test_fitting_loses_no_character_and_stays_within_its_limits(
    fonts: FontSet, text: str, style: Style, width: int
) -> None:
    fitted = fit(text, style, width, fonts)
    if fitted is None:
        return
    assert "".join(fitted.lines) == text
    assert len(fitted.lines) <= style.lines
    assert style.floor <= fitted.size <= style.size
    assert all(fonts.width(line.rstrip(" \u3000")) * fitted.size <= width + 1e-6 for line in fitted.lines)


@given(TEXTS)
def test_no_break_inside_a_number_or_before_its_counter(text: str) -> None:
    sound, allowed = break_points(text)
    assert set(sound) <= set(allowed)
    for place in allowed:
        around = text[place - 1 : place + 1]
        assert not re.fullmatch(r"[0-9０-９]{2}|[A-Za-zＡ-Ｚ]{2}", around)
        assert not re.match(r"[0-9０-９](?:丁目|番|号|棟)", text[place - 1 : place + 3])
        assert not re.search(r"[0-9][-,の]$", text[:place]) or not re.match(r"[0-9]", text[place:])


@pytest.mark.parametrize(
    "number",
    [
        "１２３４５ｰ６７８９",
        "12345─67890",
        "一○二○三○四○五号室",
        "◯一◯",
        "１０　１２",
        "10 10",
        "1、2号室",
        "3・4",
        "五－三－一",
        "二万三千",
    ],
)
def test_a_number_is_one_however_its_parts_are_joined(number: str) -> None:
    _, allowed = break_points(f"ああ{number}ああ")
    assert not set(range(3, 2 + len(number))) & set(allowed)


@given(
    st.lists(st.text("0123456789０９一二○〇", min_size=1, max_size=3), min_size=1, max_size=4),
    st.sampled_from([*"-－ーｰ─━−・、,．／"]),
)
def test_a_joined_number_is_never_parted(parts: list[str], joint: str) -> None:
    text = joint.join(parts)
    _, allowed = break_points(f"あ{text}あ")
    assert set(allowed) <= {1, 1 + len(text)}


def test_a_blank_still_parts_words(fonts: FontSet) -> None:
    assert 6 in break_points("MARIA GOMEZ")[0]
    assert 4 in break_points("コーポ 101")[0]


def test_one_line_is_shrunk_by_a_fifth_at_most_before_it_is_wrapped(fonts: FontSet) -> None:
    style = Style(10, 6, 2)
    assert (fitted := fit("あ" * 12, style, 100, fonts)) is not None
    assert (fitted.lines, fitted.size) == (("あ" * 12,), 8.3)
    assert (fitted := fit("目黒ヒルズ" * 3, style, 90, fonts)) is not None
    assert (fitted.lines, fitted.size) == (("目黒ヒルズ目黒", "ヒルズ目黒ヒルズ"), 10)


@pytest.mark.parametrize("text", ["1" * 80, "あ" * 80])
def test_what_does_not_fit_is_not_forced(fonts: FontSet, text: str) -> None:
    assert fit(text, Style(10, 8, 2), 120, fonts) is None


def test_sama_stays_with_the_name(fonts: FontSet) -> None:
    fitted = fit("あいうえおかきくけこ\u3000様", Style(10, 9, 2), 100, fonts, keep=2)
    assert fitted is not None
    assert len(fitted.lines[-1]) > 2
