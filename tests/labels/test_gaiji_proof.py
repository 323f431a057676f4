"""Nothing is printed whose every character was not proven drawable (G04)."""

from __future__ import annotations

from label_samples import DRAWN, EMPTY, MISSING, NOTDEF, batches, record

from todoke.labels.fonts import FontSet, Glyph
from todoke.labels.gaiji import prove


def test_three_findings_with_code_point_cp932_code_and_count(fonts: FontSet) -> None:
    records = [
        record(1, name=f"山{chr(DRAWN)}"),
        record(2, name=f"{chr(EMPTY)}田{chr(EMPTY)}"),
        record(3, building=f"{chr(MISSING)}荘{chr(EMPTY)}"),
        record(4, town=f"中{chr(NOTDEF)}"),
    ]
    proof = prove(batches(records, size=2), fonts)
    assert [(f.code_point, f.glyph, f.cp932, f.count) for f in proof.findings] == [
        (EMPTY, Glyph.EMPTY, "F042", 3),
        (NOTDEF, Glyph.NOTDEF, "F044", 1),
        (MISSING, Glyph.MISSING, "F046", 1),
    ]
    assert not proof.passed
    assert proof.held.keys() == {"00000002", "00000003", "00000004"}


def test_characters_outside_private_use_are_proven_too(fonts: FontSet) -> None:
    proof = prove(
        batches([record(1, name="見本\u0e01"), record(2, sort_mark="A\t1"), record(3, name="葛\U000e0100城")]), fonts
    )
    assert [(f.code_point, f.cp932) for f in proof.findings] == [(0x09, "09"), (0x0E01, ""), (0xE0100, "")]
    assert len(proof.held) == 3


def test_without_a_eudc_font_every_gaiji_is_a_finding() -> None:
    assert prove(batches([record(1, name=chr(DRAWN))]), FontSet.load()).held == {"00000001": Glyph.MISSING}


def test_clean_records_pass_and_nulls_are_blank(fonts: FontSet) -> None:
    clean = record(1)
    clean["building"] = None
    assert prove(batches([clean]), fonts).passed
