"""Scanned postcards of one day: what the reader made of them, with its confidences and its misreads."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import jaconv
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from todoke.simulate.order_lines import SLOTS, UNKNOWN_ITEM
from todoke.simulate.random_streams import generator

HEADER = (
    "受付番号",
    "受付日",
    "消印日",
    "画像ファイル名",
    "申込番号",
    "申込番号確信度",
    "氏名カナ",
    "氏名カナ確信度",
    "郵便番号",
    "郵便番号確信度",
    "辞退",
    "辞退確信度",
    *(
        f"{name}{n}{end}"
        for n in range(1, SLOTS + 1)
        for name, end in (("商品コード", ""), ("数量", ""), ("商品コード", "確信度"))
    ),
)
_DIGIT_MISREAD = str.maketrans("0123456789", "6778461630")
_KANA_MISREAD = str.maketrans("シツンソワクタヌウロ", "ツシソンクワクスワコ")
_NUMBER_MISREAD, _KANA_MISREADS, _POSTAL_MISREAD, _ITEM_MISREAD = 0.025, 0.03, 0.015, 0.004

Texts = NDArray[Any]
Flags = NDArray[np.bool_]


def read_cards(seed: int, day: date, cards: pd.DataFrame, lines: pd.DataFrame, neighbours: Texts) -> pd.DataFrame:
    """The day's scan as text, columns as in `interfaces.md`.

    Args:
        cards: card_no, application_no, name_kana (hiragana), postal_code, declined; one row each.
        lines: order (row of `cards`), line_no, item_code, quantity.
        neighbours: another household's application number for each card, for the few who copy a wrong one.
    """
    rng = generator(seed, "postcards", day)
    count = len(cards)
    number = np.where(rng.random(count) < 0.003, neighbours, cards["application_no"].to_numpy(object))
    kana = np.array([jaconv.hira2kata(name) for name in cards["name_kana"]], object)
    columns: dict[str, Any] = {
        "受付番号": cards["card_no"].to_numpy(object),
        "受付日": np.full(count, day.isoformat(), object),
        "消印日": _postmarks(rng, day, count),
        "画像ファイル名": [f"{no}.tif" for no in cards["card_no"]],
    }
    columns["申込番号"], columns["申込番号確信度"] = _number(rng, number)
    columns["氏名カナ"], columns["氏名カナ確信度"] = _kana(rng, kana)
    columns["郵便番号"], columns["郵便番号確信度"] = _postal_code(rng, cards["postal_code"].to_numpy(object))
    columns["辞退"], columns["辞退確信度"] = _declined(rng, cards["declined"].to_numpy(bool))
    slots = {name: np.full((count, SLOTS), "", object) for name in ("code", "quantity", "confidence")}
    place = (lines["order"].to_numpy(), lines["line_no"].to_numpy() - 1)
    slots["code"][place], slots["confidence"][place] = _item_codes(rng, lines["item_code"].to_numpy(object))
    slots["quantity"][place] = _quantities(rng, lines["quantity"].to_numpy())
    for slot in range(SLOTS):
        columns[f"商品コード{slot + 1}"] = slots["code"][:, slot]
        columns[f"数量{slot + 1}"] = slots["quantity"][:, slot]
        columns[f"商品コード{slot + 1}確信度"] = slots["confidence"][:, slot]
    return pd.DataFrame(columns, columns=list(HEADER))


def _confidences(rng: np.random.Generator, misread: Flags) -> Texts:
    """Two decimals; a misread is mostly noticed, a good reading sometimes doubted."""
    draw, doubt = rng.random(len(misread)), rng.random(len(misread))
    good = np.where(doubt < 0.008, 0.5 + 0.29 * draw, 0.86 + 0.13 * draw)
    bad = np.where(doubt < 0.65, 0.3 + 0.49 * draw, 0.80 + 0.15 * draw)
    return np.char.mod("%.2f", np.where(misread, bad, good)).astype(object)


def _misread_one(rng: np.random.Generator, texts: Texts, misread: Flags, table: dict[int, int]) -> Texts:
    """Misread one character of each flagged text (6↔8, 1↔7, シ↔ツ …)."""
    result = texts.copy()
    place = rng.random(len(texts))
    for n in np.flatnonzero(misread):
        at = int(place[n] * len(texts[n]))
        result[n] = texts[n][:at] + texts[n][at : at + 1].translate(table) + texts[n][at + 1 :]
    return result


def _number(rng: np.random.Generator, number: Texts) -> tuple[Texts, Texts]:
    misread = rng.random(len(number)) < _NUMBER_MISREAD
    text = _misread_one(rng, number, misread, _DIGIT_MISREAD)
    confidence = _confidences(rng, misread)
    draw = rng.random(len(number))
    text[draw < 0.003] = ""
    confidence[draw < 0.003] = ""
    short = np.flatnonzero((draw > 0.003) & (draw < 0.006))
    text[short] = [value[:-1] for value in text[short]]
    return text, confidence


def _kana(rng: np.random.Generator, kana: Texts) -> tuple[Texts, Texts]:
    misread = rng.random(len(kana)) < _KANA_MISREADS
    text = _misread_one(rng, kana, misread, _KANA_MISREAD)
    confidence = _confidences(rng, misread)
    style = rng.random(len(kana))
    half, joined = np.flatnonzero(style < 0.3), np.flatnonzero(style > 0.85)
    text[half] = [jaconv.z2h(value, kana=True).replace("　", " ") for value in text[half]]
    text[joined] = [value.replace("　", "") for value in text[joined]]
    blank = rng.random(len(kana)) < 0.004
    text[blank], confidence[blank] = "", ""
    return text, confidence


def _postal_code(rng: np.random.Generator, codes: Texts) -> tuple[Texts, Texts]:
    misread = rng.random(len(codes)) < _POSTAL_MISREAD
    text = _misread_one(rng, codes, misread, _DIGIT_MISREAD)
    confidence = _confidences(rng, misread)
    hyphen = np.flatnonzero(rng.random(len(codes)) < 0.4)
    text[hyphen] = [f"{value[:3]}-{value[3:]}" for value in text[hyphen]]
    blank = rng.random(len(codes)) < 0.02
    text[blank], confidence[blank] = "", ""
    return text, confidence


def _declined(rng: np.random.Generator, declined: Flags) -> tuple[Texts, Texts]:
    """`1` for a mark; a smudge is a mark of low confidence."""
    smudged = ~declined & (rng.random(len(declined)) < 0.002)
    text = np.where(declined | smudged, "1", "").astype(object)
    confidence = np.where(smudged, "0.45", _confidences(rng, np.zeros(len(declined), bool))).astype(object)
    confidence = np.where(declined | smudged, confidence, "0.99")
    return text, confidence


def _item_codes(rng: np.random.Generator, codes: Texts) -> tuple[Texts, Texts]:
    misread = (rng.random(len(codes)) < _ITEM_MISREAD) & (codes != UNKNOWN_ITEM)
    return _misread_one(rng, codes, misread, _DIGIT_MISREAD), _confidences(rng, misread)


def _quantities(rng: np.random.Generator, quantity: NDArray[np.int64]) -> Texts:
    """One is often left empty; a few are no number, some are full-width."""
    text = quantity.astype(str).astype(object)
    draw = rng.random(len(quantity))
    text[(quantity == 1) & (draw < 0.35)] = ""
    text[draw > 0.998] = "l"
    wide = np.flatnonzero((draw > 0.95) & (draw <= 0.998))
    text[wide] = [jaconv.h2z(value, digit=True) for value in text[wide]]
    return text


def _postmarks(rng: np.random.Generator, day: date, count: int) -> Texts:
    """One to four days before; sometimes not readable."""
    days = np.array([(day - timedelta(n)).isoformat() for n in range(1, 5)], object)
    marks = days[rng.integers(0, 4, count)]
    marks[rng.random(count) < 0.05] = ""
    return marks
