"""Where a label is stuck on its envelope, and whether its customer barcode may lie there (Japan Post's manual, p13)."""

from __future__ import annotations

from pydantic import Field

from todoke.contract.settings import Settings
from todoke.contract.sheet_layout import MM, SheetLayout
from todoke.errors import ContractError

#: Bars keep away so far from every edge of the envelope.
_EDGE_MM = 10.0
#: What is left to the postmark: along the longer edge and along the shorter one, in the corner of the stamps.
_POSTMARK_MM = (70.0, 35.0)


class Placement(Settings):
    """Size of the envelope, and where the label's upper left corner lies on it, in mm, as the address is read.

    `postmark`: whether it is stamped and postmarked. What is paid in cash or by account (料金別納・料金後納) is
    not, and its bars may lie where the postmark would.
    """

    width: float = Field(gt=0)
    height: float = Field(gt=0)
    left: float = Field(ge=0)
    top: float = Field(ge=0)
    postmark: bool = True

    def check(self, layout: SheetLayout) -> None:
        """Raises ContractError unless the label lies on the envelope, and its bars where the rules let them."""
        right, foot = self.left + layout.width_mm, self.top + layout.height_mm
        if right > self.width or foot > self.height:
            raise _wrong("ラベルが封筒からはみ出します", "封筒の寸法と貼付位置を見直してください")
        if layout.barcode_pt is None:
            return
        low_x, low_y, high_x, high_y = (side / MM for side in layout.barcode_box())
        bars = (self.left + low_x, foot - high_y, self.left + high_x, foot - low_y)
        edges = (bars[0], bars[1], self.width - bars[2], self.height - bars[3])
        if min(edges) < _EDGE_MM - 1e-6:
            raise _wrong(
                f"バーコードが封筒の縁から{min(edges):.1f}mmになります（{_EDGE_MM:g}mm以上が必要）",
                "貼付位置を内側にしてください",
            )
        if self.postmark and _overlap(bars, self._postmark_area()):
            raise _wrong(
                "バーコードが消印の領域（70mm×35mm）にかかります",
                "貼付位置を変えてください（料金別納・料金後納なら postmark: false にできます）",
            )

    def _postmark_area(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom: the upper right corner of a wide envelope, the upper left one of a tall one."""
        along, across = _POSTMARK_MM
        if self.width >= self.height:
            return self.width - along, 0, self.width, across
        return 0, 0, across, along


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _wrong(what: str, next_step: str) -> ContractError:
    return ContractError(what, where="labels.placement_mm", next_step=next_step)
