"""The ward's default layout: headers in order, and the rows of households as text."""

from __future__ import annotations

import numpy as np

from todoke.simulate.mistakes import Columns
from todoke.simulate.ward import Ward

#: Canonical name → header, in the order of the file.
HOUSEHOLD_COLUMNS = {
    "household_no": "世帯番号",
    "head_name": "世帯主氏名",
    "head_kana": "世帯主氏名かな",
    "member_name": "世帯員氏名",
    "member_kana": "世帯員氏名かな",
    "postal_code": "郵便番号",
    "town": "町名",
    "block": "番地",
    "building": "方書",
    "household_size": "世帯人数",
    "member_no": "世帯員番号",
    "birth_date": "生年月日",
    "relationship": "続柄",
    "confidential": "秘匿区分",
    "former_household_no": "旧世帯番号",
    "note": "備考",
}
HOUSEHOLD_HEADER = tuple(HOUSEHOLD_COLUMNS.values())


def member_columns(ward: Ward, start: int, end: int) -> Columns:
    """One row per member of the households `start` … `end - 1`, columns by canonical name in file order."""
    first = ward.first_person()
    persons = ward.persons.iloc[first[start] : first[end]]
    homes = ward.households.iloc[start:end]
    home = persons["household"].to_numpy() - start

    def of_home(name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
        values: np.ndarray[tuple[int], np.dtype[np.object_]] = homes[name].to_numpy(object)[home]
        return values

    sizes = homes["members"].astype(str).to_numpy(object)
    columns = {
        "household_no": of_home("household_no"),
        "head_name": of_home("head_name"),
        "head_kana": of_home("head_kana"),
        "member_name": persons["member_name"].to_numpy(object),
        "member_kana": persons["member_kana"].to_numpy(object),
        "postal_code": of_home("postal_code"),
        "town": of_home("town"),
        "block": of_home("block"),
        "building": of_home("building"),
        "household_size": sizes[home],
        "member_no": persons["member_no"].astype(str).to_numpy(object),
        "birth_date": np.datetime_as_string(persons["birth_date"].to_numpy("datetime64[D]")).astype(object),
        "relationship": persons["relationship"].to_numpy(object),
        "confidential": np.where(of_home("confidential").astype(bool), "1", "0").astype(object),
        "former_household_no": np.full(len(persons), "", object),
        "note": of_home("note"),
    }
    return {name: columns[name].copy() for name in HOUSEHOLD_COLUMNS}


#: What a corrections file has after the columns of a household.
CORRECTION_HEADER = (*HOUSEHOLD_HEADER, "異動区分", "異動事由", "異動日")
SPECIAL_DELIVERY_HEADER = (
    "世帯番号",
    "配送方法",
    "送付先郵便番号",
    "送付先住所",
    "送付先方書",
    "送付先氏名",
    "留置先名称",
)
NAMED_HEADER = ("世帯番号", "理由")
READDRESS_HEADER = ("世帯番号", "郵便番号", "町名", "番地", "方書", "理由")
