"""Proof that labels can be printed on the forms of a contract at all, when it is read and not months later (G06)."""

from __future__ import annotations

from todoke.contract.label_forms import LabelForm, Labels
from todoke.errors import ContractError
from todoke.labels.fonts import FontSet
from todoke.labels.imprint import IMPRINTED
from todoke.labels.sheet import Misfit, Record, Typesetter
from todoke.labels.sort_mark import sort_marks

#: An ordinary household of the ward: what has no room for it has room for few.
_ORDINARY = Record("1520001", "目黒本町", "二丁目12番34号", "", "目黒　太郎", "0000000000", "")


def prove_forms(labels: Labels, fonts: FontSet, below: str = "labels") -> None:
    """Raises ContractError, naming the key, if a form's free text cannot be printed or an ordinary label has no room.

    Args:
        fonts: the base font alone: the contract's own words hold no gaiji of the ward.
        below: where the keys of `labels` stand in the contract file.
    """
    if unknown := sorted(char for char in IMPRINTED if char not in fonts.drawable):
        raise ContractError(
            f"基本フォントに、用紙の余白に印字する文字がありません（U+{ord(unknown[0]):04X}）",
            where=f"{below}.base_font: {labels.base_font}",
            next_step="別の基本フォントを指定してください",
        )
    for key, form in labels.all_forms().items():
        where = f"{below}.{key}" if key else below
        try:
            setter = Typesetter(form.layout, fonts, form.free_text)
        except ContractError as error:
            raise ContractError(error.what, where=f"{where}.free_text", next_step=error.next_step) from None
        misfit = setter.set_label(_specimen(form))
        if isinstance(misfit, Misfit):
            raise ContractError(
                f"ふつうの宛名が収まりません（{misfit.label}）",
                where=f"{where}.width_mm・height_mm",
                next_step="ラベル用紙・自由文（free_text）・区分記号（sort_mark）を見直してください",
            )


def _specimen(form: LabelForm) -> Record:
    [mark] = sort_marks(form.sort_mark, [_ORDINARY.town], [_ORDINARY.block])
    return _ORDINARY._replace(sort_mark=mark)
