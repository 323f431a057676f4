"""What the coded fields of a ward's files may say (`interfaces.md`, from the ward)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: 異動区分.
KINDS = ("更新", "削除", "追加")
#: 異動事由 as written, and the code a household's `state_reason` carries.
REASONS = {
    "誤り": "error",
    "転居": "moved",
    "転出": "left",
    "死亡": "died",
    "分離": "split",
    "合併": "merged",
    "その他": "other",
}
#: 続柄 of the head; every other one is free text, and no rule looks at it.
HEAD = "世帯主"
#: 配送方法 of a confidential household's parcels; where a place keeps them, and all.
KEPT_METHODS = ("営業所留", "局留")
DELIVERY_METHODS = (*KEPT_METHODS, "別住所")
#: The values by which rules decide, of each field that has such.
CODED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "relationship": (HEAD,),
        "confidential": ("1", "0"),
        "change_kind": KINDS,
        "change_reason": tuple(REASONS),
        "method": DELIVERY_METHODS,
    }
)
