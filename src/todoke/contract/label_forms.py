"""What a contract says of its labels: one form, and what other batches have otherwise."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from todoke.contract.settings import Settings
from todoke.contract.sheet_layout import SheetLayout
from todoke.errors import ContractError
from todoke.model.changes import effect_kind
from todoke.model.codes import ShipmentKind

#: One line of a label; whether its characters can be drawn is known when the fonts are.
FreeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]
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
    `sort_mark` what the carrier sorts by (`todoke.labels.sort_mark`).
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

    @model_validator(mode="after")
    def _can_be_printed(self) -> LabelForm:
        try:
            _ = self.layout
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


class Labels(LabelForm):
    """The contract's form, and by kind of batch (`catalogue_confidential`, `toilet`) a form that differs from it.

    A form of `forms` says only what differs: every other key is the contract's own.
    """

    forms: dict[str, LabelForm] = Field(default_factory=dict)
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

    @model_validator(mode="before")
    @classmethod
    def _differing(cls, body: Any) -> Any:
        forms = body.get("forms") if isinstance(body, dict) else None
        if not isinstance(forms, dict):
            return body
        own = {key: value for key, value in body.items() if key in LabelForm.model_fields}
        return {**body, "forms": {kind: own | form if isinstance(form, dict) else form for kind, form in forms.items()}}

    @field_validator("forms")
    @classmethod
    def _known_kinds(cls, forms: dict[str, LabelForm]) -> dict[str, LabelForm]:
        unknown = sorted(forms.keys() - set(_KINDS))
        if unknown:
            raise ValueError(f"ない種類です: {', '.join(unknown)}（使えるもの: {', '.join(_KINDS)}）")
        return forms

    def form(self, kind: str) -> LabelForm:
        """The form of a kind of batch."""
        return self.forms.get(kind, self)
