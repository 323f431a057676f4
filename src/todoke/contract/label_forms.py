"""What a contract says of its labels: one form, and what other batches have otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, StringConstraints, field_validator, model_validator

from todoke.contract.label_placement import Placement
from todoke.contract.settings import Settings
from todoke.contract.sheet_layout import SheetLayout
from todoke.errors import ContractError
from todoke.model.changes import effect_kind, is_confidential
from todoke.model.codes import ShipmentKind
from todoke.model.ward_values import DELIVERY_METHODS

#: One line of a label; whether its characters can be drawn is known when the fonts are.
FreeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
#: What a gaiji font's file is named by.
FONT_ENDINGS = (".tte", ".ttf")
_KINDS = tuple(effect_kind(kind, confidential=apart) for kind in ShipmentKind for apart in (False, True))


class Offset(Settings):
    """How far the print is moved for the printer, in mm: to the right and downwards, in steps of 0.1."""

    x: float = 0.0
    y: float = 0.0


class Page(Settings):
    """The sheet, in mm; of a continuous form one label with the gap to the next."""

    width: float = Field(gt=0, default=210.0)
    height: float = Field(gt=0, default=297.0)


class LabelForm(Settings):
    """A form in millimetres, and what stands on each of its labels.

    `barcode_pt` is the a of the customer barcode in points, null for none; `free_text` a line of the contract's own;
    `sort_mark` what the carrier sorts by (`todoke.labels.sort_mark`); `placement_mm` where the label is stuck, when it
    is to be checked.
    """

    columns: int = Field(gt=0)
    rows: int = Field(gt=0)
    width_mm: float = Field(gt=0)
    height_mm: float = Field(gt=0)
    left_mm: float = Field(ge=0)
    top_mm: float = Field(ge=0)
    gutter_mm: float = Field(ge=0, default=0)
    page_mm: Page = Page()
    offset_mm: Offset = Offset()
    barcode_pt: float | None = 8.5
    free_text: FreeText = ""
    sort_mark: Literal["town", "route", "none"] = "town"
    placement_mm: Placement | None = None

    @model_validator(mode="after")
    def _can_be_printed(self) -> Self:
        try:
            layout = self.layout
            if self.placement_mm is not None:
                self.placement_mm.check(layout)
        except ContractError as error:
            key = error.where.removeprefix("labels.")
            raise ValueError(f"{key}: {error.what} → {error.next_step}") from None
        return self

    @property
    def layout(self) -> SheetLayout:
        """The geometry of its sheets."""
        return SheetLayout(
            self.columns, self.rows, self.width_mm, self.height_mm, self.left_mm, self.top_mm, self.gutter_mm,
            self.offset_mm.x, self.offset_mm.y, self.barcode_pt, self.page_mm.width, self.page_mm.height,
        )  # fmt: skip


class KindForm(LabelForm):
    """The form of a kind of batch; in a confidential one a delivery method (営業所留, 局留, 別住所) may differ from it.

    A form of `methods` says only what differs, too.
    """

    methods: dict[str, LabelForm] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _differing(cls, body: Any) -> Any:
        return _filled_in(body, "methods")

    @field_validator("methods")
    @classmethod
    def _known_methods(cls, methods: dict[str, LabelForm]) -> dict[str, LabelForm]:
        return _only(methods, DELIVERY_METHODS, "配送方法")


class Labels(LabelForm):
    """The contract's form, and by kind of batch (`catalogue_confidential`, `toilet`) a form that differs from it.

    A form of `forms` says only what differs: every other key is the contract's own.
    """

    forms: dict[str, KindForm] = Field(default_factory=dict)
    labels_per_batch: int = Field(
        gt=0, default=24_000, description="more labels are cut into several batches, so that several workers print"
    )
    base_font: str = Field(default="gothic", description="gothic, mincho, or a font file below the contract's folder")
    gaiji_fonts: list[str] = Field(default_factory=list, description="names of the ward's font files by priority")

    @field_validator("base_font")
    @classmethod
    def _stays_in_the_folder(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not value or path.is_absolute() or ".." in path.parts:
            raise ValueError("gothic、mincho、または契約のフォルダの中のフォントファイルを指定してください")
        return value

    @field_validator("gaiji_fonts")
    @classmethod
    def _names_of_fonts(cls, names: list[str]) -> list[str]:
        for name in names:
            if not name.lower().endswith(FONT_ENDINGS) or PurePosixPath(name).name != name or "\\" in name:
                raise ValueError(f"{name}: 外字フォントのファイル名（EUDC.TTE など）を書いてください")
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("同じファイル名が2度あります（大文字と小文字は区別しません）")
        return names

    @model_validator(mode="before")
    @classmethod
    def _differing(cls, body: Any) -> Any:
        return _filled_in(body, "forms")

    @field_validator("forms")
    @classmethod
    def _known_kinds(cls, forms: dict[str, KindForm]) -> dict[str, KindForm]:
        if apart := sorted(kind for kind, form in forms.items() if form.methods and not is_confidential(kind)):
            raise ValueError(f"methods は秘匿世帯の書式だけに書けます: {', '.join(apart)}")
        return _only(forms, _KINDS, "種類")

    def form(self, kind: str) -> LabelForm:
        """The form of a kind of batch."""
        return self.forms.get(kind, self)

    def methods(self, kind: str) -> Mapping[str, LabelForm]:
        """The forms of the delivery methods that differ from the kind's."""
        return self.forms[kind].methods if kind in self.forms else {}

    def all_forms(self) -> dict[str, LabelForm]:
        """Every form by its key in the contract file; "" is the contract's own."""
        found: dict[str, LabelForm] = {"": self}
        for kind, form in self.forms.items():
            found[f"forms.{kind}"] = form
            found |= {f"forms.{kind}.methods.{method}": own for method, own in form.methods.items()}
        return found


_Form = TypeVar("_Form", bound=LabelForm)


def _filled_in(body: Any, key: str) -> Any:
    """A form as it is read, with the forms below `key` completed by what they do not say themselves."""
    forms = body.get(key) if isinstance(body, dict) else None
    if not isinstance(forms, dict):
        return body
    own = {name: value for name, value in body.items() if name in LabelForm.model_fields}
    return {**body, key: {name: own | form if isinstance(form, dict) else form for name, form in forms.items()}}


def _only(forms: dict[str, _Form], known: Collection[str], what: str) -> dict[str, _Form]:
    if unknown := sorted(forms.keys() - set(known)):
        raise ValueError(f"ない{what}です: {', '.join(unknown)}（使えるもの: {', '.join(known)}）")
    return forms
