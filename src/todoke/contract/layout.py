"""The form of a ward's file: which column is what, and how the file is written (G02, G03, C02)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal
from unicodedata import normalize

from pydantic import Field, field_validator, model_validator

from todoke.contract.settings import Settings
from todoke.model.ward_values import CODED

#: Canonical names of what is said of a member, of a household, and in the other kinds of files.
MEMBER_FIELDS = ("member_name", "member_kana", "member_no", "birth_date", "relationship")
HOUSEHOLD_FIELDS = (
    *("household_no", "head_name", "head_kana", "postal_code", "town", "block", "building", "household_size"),
    *("confidential", "former_household_no", "note"),
)
OTHER_FIELDS = (
    *("change_kind", "change_reason", "changed_on"),
    *("method", "address", "recipient_name", "held_at", "reason"),
)
FIELDS = (*HOUSEHOLD_FIELDS, *MEMBER_FIELDS, *OTHER_FIELDS)

#: The number in a member's header: 1, 01 or full-width １.
_NUMBER = re.compile(r"\{(n|nn|ｎ)\}")
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def numbered(pattern: str, number: int) -> str:
    """A member's header: `世帯員{n}氏名` and 2 give `世帯員2氏名`; `{nn}` gives 02, `{ｎ}` a full-width ２."""
    forms = {"n": str(number), "nn": f"{number:02}", "ｎ": str(number).translate(_FULL_WIDTH)}
    return _NUMBER.sub(lambda found: forms[found[1]], pattern)


def bare(name: str) -> str:
    """A column's name without its blanks and line ends, in one width: what two ways of writing it have in common."""
    return "".join(normalize("NFKC", name).split())


class Members(Settings):
    """The wide form: a row is a household, its members stand in numbered columns.

    Attributes:
        most: the highest number that the ward's files can have; fewer columns are taken, more are refused.
        required, optional: header with `{n}` for the number → canonical name.
        head: columns of the household's head, where that is not one of the numbered members; header → canonical name.
    """

    most: int = Field(ge=1, le=99)
    required: dict[str, str] = Field(min_length=1)
    optional: dict[str, str] = Field(default_factory=dict)
    head: dict[str, str] = Field(default_factory=dict)

    @field_validator("required", "optional")
    @classmethod
    def _numbered(cls, columns: dict[str, str]) -> dict[str, str]:
        if plain := [name for name in columns if len(_NUMBER.findall(name)) != 1]:
            raise ValueError(f"番号の位置を {{n}}、{{nn}}、{{ｎ}} のどれか1つで示してください: {'、'.join(plain)}")
        return columns

    @model_validator(mode="after")
    def _known(self) -> Members:
        check_names("required・optional", self.required | self.optional, MEMBER_FIELDS)
        check_names("head", self.head, MEMBER_FIELDS)
        return self

    def columns(self, number: int) -> dict[str, str]:
        """Header → canonical name of one member."""
        return {numbered(name, number): field for name, field in (self.required | self.optional).items()}

    def required_columns(self, number: int) -> list[str]:
        return [numbered(name, number) for name in self.required]

    def looks_numbered(self, header: str) -> bool:
        """Whether a header is one of a member's, whatever its number and however that is written."""
        patterns = (
            [re.escape(bare(part)) for part in _NUMBER.split(name)[::2]] for name in self.required | self.optional
        )
        return any(re.fullmatch(rf"{before}\d+{after}", bare(header)) for before, after in patterns)


class Layout(Settings):
    """Header names of a ward's file, each mapped to its canonical name (G02).

    Attributes:
        encoding: `cp932` (Shift_JIS), or `utf-8-sig`.
        header: whether the first row names the columns.
        columns: names of all columns in their fixed order; needed without a header. With one, another order is refused.
        required: header → canonical name; a file without one of them is refused.
        optional: as `required`; one that is absent becomes null. Columns in neither are kept as they are.
        members: the wide form; None: a row is a member.
        values: coded field (canonical name) → the ward's value → ours (`CODED`). A value lands as it was sent; what
            judges its rows sees ours. Blanks around a value do not count.
    """

    encoding: Literal["cp932", "utf-8-sig"] = "cp932"
    header: bool = True
    columns: tuple[str, ...] = ()
    required: dict[str, str]
    optional: dict[str, str] = Field(default_factory=dict)
    members: Members | None = None
    values: dict[str, dict[str, str]] = Field(default_factory=dict)

    @field_validator("values", mode="before")
    @classmethod
    def _quoted(cls, values: object) -> object:
        """YAML reads 01 as the number 1, and no as a truth value: what the ward writes would be lost unseen."""
        parts = values.values() if isinstance(values, dict) else ()
        cells = [cell for part in parts if isinstance(part, dict) for pair in part.items() for cell in pair]
        if unquoted := [str(cell) for cell in cells if not isinstance(cell, str)]:
            raise ValueError(f'値は引用符（"01"）で囲んでください: {"、".join(unquoted)}')
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Layout:
        check_names("required・optional", self.required | self.optional, HOUSEHOLD_FIELDS if self.members else FIELDS)
        if both := self.required.keys() & self.optional.keys():
            raise ValueError(f"required と optional の両方にある列です: {'、'.join(sorted(both))}")
        if not self.header and not self.columns:
            raise ValueError("header: false のときは columns に全部の列の名前を順に書いてください")
        if self.columns:
            self._check_columns()
        self._check_values()
        return self

    def _check_values(self) -> None:
        for field, values in self.values.items():
            if field not in CODED:
                raise ValueError(f"values の {field} は読み替えられません。使えるもの: {', '.join(CODED)}")
            if field not in self.fields():
                raise ValueError(f"values の {field} は、このレイアウトの列にありません")
            if unknown := sorted(set(values.values()) - set(CODED[field])):
                allowed = "、".join(CODED[field])
                raise ValueError(
                    f"values の {field} を {'、'.join(unknown)} に読み替えることはできません。使える値: {allowed}"
                )
            if not all(bare := [value.strip() for value in values]) or len(set(bare)) < len(bare):
                raise ValueError(f"values の {field} に、空の値か、前後の空白だけが違う値があります")

    def fields(self) -> set[str]:
        """Canonical names of everything that a file of this layout can say."""
        columns = self.required | self.optional
        if self.members:
            columns = columns | self.members.required | self.members.optional | self.members.head
        return set(columns.values())

    def _check_columns(self) -> None:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns に同じ名前の列が2つあります")
        if missing := self.missing(self.columns):
            raise ValueError(f"columns に必要な列がありません: {'、'.join(missing)}")

    def missing(self, names: tuple[str, ...] | list[str]) -> list[str]:
        """Required columns that are not among `names`; of numbered members those up to the last that is there."""
        wanted = list(self.required)
        if self.members:
            members = self.members
            last = max((n for n in range(1, members.most + 1) if members.columns(n).keys() & set(names)), default=1)
            wanted += [name for name in members.head if name not in wanted]
            wanted += [name for number in range(1, last + 1) for name in members.required_columns(number)]
        return [name for name in wanted if name not in names]

    def names(self, header: Iterable[str]) -> tuple[str, ...]:
        """The columns of a file under the layout's own names, where they differ from these by width and blanks alone.

        Any other stays as it is. Names of the layout itself that differ so are told apart by every character.
        """
        known = self.known() | set(self.columns)
        alike = Counter(map(bare, known))
        meant = {bare(name): name for name in known if alike[bare(name)] == 1}
        return tuple(name.strip() if name.strip() in known else meant.get(bare(name), name.strip()) for name in header)

    def known(self) -> set[str]:
        """Names of all columns that the layout maps, numbered members' and the head's among them."""
        names = self.required.keys() | self.optional.keys()
        if self.members:
            names |= self.members.head.keys()
            names |= {name for n in range(1, self.members.most + 1) for name in self.members.columns(n)}
        return names


def check_names(key: str, columns: Mapping[str, str], allowed: tuple[str, ...]) -> None:
    """Raises ValueError when a column is mapped to a name that is not allowed, or two to the same."""
    fields = list(columns.values())
    if unknown := sorted(set(fields) - set(allowed)):
        raise ValueError(f"{key} の {', '.join(unknown)} は使えません。使えるもの: {', '.join(allowed)}")
    if twice := sorted({field for field in fields if fields.count(field) > 1}):
        raise ValueError(f"{key} の {', '.join(twice)} に2つの列が割り当てられています")
