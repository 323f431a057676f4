"""Nothing is printed whose every character was not proven drawable (G04)."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from label_samples import ALSO_DRAWN, DRAWN, EMPTY, FLAT, MISSING, NOTDEF, batches, record

from todoke.contract.sheet_layout import SheetLayout
from todoke.labels.batch import HeldLabel, HoldPlan, plan_holds
from todoke.labels.faces import Glyph
from todoke.labels.fonts import FontSet
from todoke.labels.sheet import Misfit

#: IPAexGothic knows the first of these shapes of 葛 and not the second.
KNOWN, UNKNOWN = "葛\U000e0100", "葛\U000e01ef"


def proven(records: Iterable[dict[str, object]], fonts: FontSet, size: int = 50) -> HoldPlan:
    return plan_holds(batches(records, size), SheetLayout(), fonts)


def test_findings_with_code_point_cp932_code_households_and_occurrences(fonts: FontSet) -> None:
    records = [
        record(1, name=f"山{chr(DRAWN)}"),
        record(2, name=f"{chr(EMPTY)}田{chr(EMPTY)}"),
        record(3, building=f"{chr(MISSING)}荘{chr(EMPTY)}"),
        record(4, town=f"中{chr(NOTDEF)}"),
    ]
    proof = proven(records, fonts, size=2)
    assert [(u.code_points, u.glyph, u.cp932, u.households, u.count) for u in proof.findings] == [
        ("U+E002", Glyph.EMPTY, "F042", 2, 3),
        ("U+E004", Glyph.NOTDEF, "F044", 1, 1),
        ("U+E006", Glyph.MISSING, "F046", 1, 1),
    ]
    assert proof.held.keys() == {"00000002", "00000003", "00000004"}


def test_gaiji_that_can_be_printed_are_counted_too(fonts: FontSet) -> None:
    proof = proven([record(n, name=chr(DRAWN) * n, building=chr(ALSO_DRAWN)) for n in (1, 2)], fonts)
    assert [(u.text, u.glyph, u.households, u.count) for u in proof.uses] == [
        (chr(DRAWN), Glyph.DRAWN, 2, 3),
        (chr(ALSO_DRAWN), Glyph.DRAWN, 2, 2),
    ]
    assert proof.findings == ()


def test_characters_outside_private_use_are_proven_too(fonts: FontSet) -> None:
    proof = proven([record(1, name="見本\u0e01"), record(2, sort_mark="A\t1")], fonts)
    assert [(u.code_points, u.cp932) for u in proof.findings] == [("U+0009", "09"), ("U+0E01", "")]
    assert len(proof.held) == 2


def test_a_variant_that_the_font_does_not_know_is_a_finding_of_its_own_and_never_its_default(fonts: FontSet) -> None:
    proof = proven([record(1, name=f"{UNKNOWN}城"), record(2, name=f"{KNOWN}城"), record(3, name="葛城")], fonts)
    assert proof.held == {"00000001": Glyph.VARIANT}
    assert [(u.code_points, u.glyph, u.households) for u in proof.uses] == [
        ("U+845B U+E0100", Glyph.DRAWN, 1),
        ("U+845B U+E01EF", Glyph.VARIANT, 1),
    ]


def test_a_selector_without_a_character_of_its_own_is_missing(fonts: FontSet) -> None:
    proof = proven([record(1, name="\U000e0100花"), record(2, name=f"{KNOWN}\U000e0101")], fonts)
    assert proof.held == {"00000001": Glyph.MISSING, "00000002": Glyph.MISSING}


def test_a_character_that_waits_for_a_person_is_held_as_one_that_was_reshaped(fonts: FontSet) -> None:
    records = [record(1, name=f"山{chr(DRAWN)}"), record(2, name=f"山{chr(ALSO_DRAWN)}")]
    waiting = fonts.withholding(frozenset({chr(DRAWN), chr(MISSING)}))
    assert proven(records, waiting).held == {"00000001": Glyph.RESHAPED}
    assert proven([record(3, name=chr(MISSING))], waiting).held == {"00000003": Glyph.MISSING}


def test_without_a_eudc_font_every_gaiji_is_a_finding() -> None:
    assert proven([record(1, name=chr(DRAWN))], FontSet.load()).held == {"00000001": Glyph.MISSING}


def test_clean_records_pass_and_nulls_are_blank(fonts: FontSet) -> None:
    clean = record(1)
    clean["building"] = None
    proof = proven([clean], fonts)
    assert (proof.held, proof.uses, proof.listed) == ({}, (), ())


def test_held_households_are_listed_by_their_numbers_with_reason_and_characters(fonts: FontSet) -> None:
    records = [record(7, name=f"{chr(EMPTY)}{UNKNOWN}{chr(EMPTY)}", ward_no="W7"), record(8, building="1" * 200)]
    assert proven(records, fonts).listed == (
        HeldLabel("00000007", "W7", "0000000680", Glyph.EMPTY, (chr(EMPTY), UNKNOWN)),
        HeldLabel("00000008", "00000008", "0000000777", Misfit.BUILDING),
    )


PIECES = st.sampled_from(["山", "葛", KNOWN, UNKNOWN, "\U000e0100", *map(chr, (DRAWN, EMPTY, FLAT, NOTDEF, MISSING))])


@given(st.lists(st.lists(PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=8), st.integers(1, 8))
def test_a_household_is_held_exactly_when_one_of_its_characters_has_a_finding(
    fonts: FontSet, names: list[str], size: int
) -> None:
    proof = proven([record(n, name=name) for n, name in enumerate(names)], fonts, size)
    wrong = [use.text for use in proof.findings]
    rest = {n: name.replace(KNOWN, "") for n, name in enumerate(names)}
    assert {int(number) for number in proof.held} == {n for n, name in rest.items() if any(w in name for w in wrong)}
    assert all(label.characters for label in proof.listed)
    assert max((use.households for use in proof.uses), default=0) <= len(names)
    for use in proof.uses:
        assert use.count >= use.households >= 1
