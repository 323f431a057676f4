"""The registered address of a confidential household gets into no output, view, workbook or web account (G09)."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import CodeType, FrameType

import pytest
from programme import Programme, one
from pypdfium2 import PdfDocument
from small_ward import (
    CORRECTION_HEADER,
    COUPLE,
    FAMILY,
    INSTRUCTION_HEADER,
    SECRET,
    SECRET_INSTRUCTED,
    SINGLE,
    Home,
    correction,
    home_of,
    table,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "journeys"))

from plaintext_search import canonical, cells, files

from todoke.process import addresses, register_answers
from todoke.process.register_versions import compared, parents
from todoke.process.status import lines
from todoke.store.lake import Lake
from todoke.store.ledger import VersionRef, fetch_view
from todoke.store.schema import ENCRYPTED
from todoke.store.tables import VIEWS

FIRST, SECOND, THIRD = date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)
REPORT, AFTER_DEADLINE, TOILETS = date(2026, 12, 10), date(2027, 1, 18), date(2027, 1, 20)
RICE = "3006"
ENCODINGS = ("utf-8", "cp932", "utf-16-le")
RELOCATED = replace(home_of(SECRET_INSTRUCTED), town="碑文谷", postal_code="1520003", block="6丁目6番6号")


def addresses_of(*homes: Home) -> set[str]:
    return {canonical(home.town + home.block) for home in homes}


def names_of(*homes: Home) -> set[str]:
    names = {home.surname[0] + given for home in homes for given, _, _ in home.members}
    return set(map(canonical, names | {home.surname[1] + kana for home in homes for _, kana, _ in home.members}))


def texts(name: str, content: bytes) -> Iterator[str]:
    """What people and machines read in a file."""
    if name.endswith(".pdf"):
        document = PdfDocument(content)
        yield from (document[n].get_textpage().get_text_bounded() for n in range(len(document)))
    elif content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            yield from (book.read(part).decode("utf-8", "ignore") for part in book.namelist())
    else:
        yield from (content.decode(encoding, "ignore") for encoding in ENCODINGS)


def shows(content: str | bytes, wanted: set[str]) -> bool:
    read = [content] if isinstance(content, str) else [content.decode(code, "ignore") for code in ENCODINGS]
    return any(needle in plain for plain in map(canonical, read) for needle in wanted)


def showing(programme: Programme, wanted: set[str], but: frozenset[str] = frozenset()) -> set[str]:
    """Outputs, views, pages and cells of the ledger in which any of them can be read, in any usual writing."""
    out = programme.out().items()
    places = {name for name, content in out if name not in but and any(shows(t, wanted) for t in texts(name, content))}
    with programme.ledger.read() as tx:
        views = {view: json.dumps(fetch_view(tx, view, "gift"), default=str, ensure_ascii=False) for view in VIEWS}
    views |= {"questions": str(register_answers.questions("gift")), "status": "\n".join(lines("gift"))}
    views |= {"versions": "\n".join(parents("gift")), "diff": str(compared("gift", 1, 1))}
    places |= {view for view, text in views.items() if shows(text, wanted)}
    places |= {cell for cell, value in cells(programme.home / "ledger" / "gift.db") if shows(value, wanted)}
    return places | {page.name for page in files(programme.home / "quality") if shows(page.read_bytes(), wanted)}


def season(programme: Programme) -> frozenset[str]:
    """Everybody orders; two households become confidential late; toilets go and reports are prepared.

    Returns:
        what had gone out before anybody knew that the two are confidential.
    """
    for place, number in enumerate((FAMILY, COUPLE, SINGLE, SECRET, SECRET_INSTRUCTED)):
        programme.applies(f"w{place}", number, f"2026-11-10 1{place}:00", [(RICE, 1)])
    programme.applies("x", SECRET, "2026-11-10 18:00", [("9999", 1)])
    programme.run("orders", FIRST)
    programme.hands_over(SECOND, "goods", but=[FAMILY])
    before = frozenset(programme.out())
    listed = [(FAMILY, "", "", "", "", "", ""), (COUPLE, "局留", "1500002", "", "", "試行　三郎", "渋谷郵便局")]
    programme.ward_sends("special_delivery", table(INSTRUCTION_HEADER, listed), THIRD)
    rows = [
        *correction(RELOCATED, "更新", "転居", "2026-11-01"),
        *correction(home_of(SINGLE), "削除", "転出", "2026-11-01"),
    ]
    programme.ward_sends("corrections", table(CORRECTION_HEADER, rows), THIRD)
    for process in ("intake", "register", "labels", "orders", "survey"):
        programme.run(process, THIRD)
    programme.run("orders", AFTER_DEADLINE)
    programme.run("nonapplicants", TOILETS)
    programme.answer()
    programme.run("nonapplicants", TOILETS)
    programme.run("orders", TOILETS)
    return before


@pytest.fixture(scope="module")
def season_ended(
    in_november: Programme, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Programme, frozenset[str]]]:
    with in_november.copied(tmp_path_factory.mktemp("season") / "home") as programme:
        with programme.entered():
            before = season(programme)
        yield programme, before


@pytest.fixture
def after_season(
    season_ended: tuple[Programme, frozenset[str]], tmp_path: Path
) -> Iterator[tuple[Programme, frozenset[str]]]:
    """A programme of its own from the end of the season on, and what `season` says."""
    ended, before = season_ended
    with ended.copied(tmp_path / "home") as programme, programme.entered():
        yield programme, before


def test_nothing_shows_a_confidential_household_but_what_its_delivery_needs(after_season):
    programme, before = after_season
    always = (home_of(SECRET), home_of(SECRET_INSTRUCTED), RELOCATED)
    assert showing(programme, addresses_of(*always)) == set()
    late = (home_of(FAMILY), home_of(COUPLE))
    assert showing(programme, addresses_of(*late), but=before) == set()
    head, other = (replace(home_of(SECRET_INSTRUCTED), members=(member,)) for member in RELOCATED.members)
    assert showing(programme, names_of(home_of(SECRET), other)) == set()
    named = showing(programme, names_of(head))
    assert {name.split("/")[0] for name in named} == {"labels", "labels_test", "shipping"}  # it is the addressee


def test_the_search_finds_addresses_and_names_where_they_may_be(after_season):
    programme, _ = after_season
    for wanted in (addresses_of(home_of(FAMILY)), names_of(home_of(SINGLE))):
        found = {(name.split("/")[0], name.rpartition(".")[2]) for name in showing(programme, wanted)}
        assert found == {("labels", "pdf"), ("labels_test", "pdf"), ("shipping", "csv")}


def test_web_accounts_show_no_postal_code_of_a_confidential_household(after_season):
    programme, before = after_season
    accounts = [content.decode() for name, content in programme.out("web_accounts").items()]
    newest = [c.decode() for name, c in programme.out("web_accounts").items() if name not in before]
    assert len(newest) == 1
    for number in (SECRET, SECRET_INSTRUCTED):
        assert not any(home_of(number).postal_code.replace("-", "") in text for text in accounts)
    rows = {row["application_no"]: tuple(row.values())[1:] for row in csv.DictReader(io.StringIO(newest[0]))}
    assert rows[programme.number(FAMILY)] == ("", "3", "9000", "0")
    assert rows[programme.number(COUPLE)][0] == "1500002"


def test_a_household_named_in_a_late_list_is_recalled_held_or_an_incident(after_season):
    programme, _ = after_season
    assert programme.parcel(FAMILY)["state"] == "stopped"
    stopped = one([row for row in programme.shipped() if row["区分"] == "停止"])
    assert (stopped["出荷番号"], stopped["住所"], stopped["氏名"]) == (programme.parcel(FAMILY)["id"], "", "")
    incidents = {row["shipment_id"] for row in programme.rows("difference", kind="incident", state="open")}
    handed_over = [programme.parcel(COUPLE), *(programme.parcel(no, "catalogue") for no in (FAMILY, COUPLE))]
    assert incidents == {parcel["id"] for parcel in handed_over}
    assert programme.parcel(SECRET)["state"] == "on_hold"
    assert programme.faults() == []


def test_the_last_instruction_counts_and_one_that_says_too_little_holds_again(november: Programme):
    november.applies("w1", SECRET_INSTRUCTED, "2026-11-10 12:00", [(RICE, 1)])
    november.run("orders", FIRST)
    assert [row["区分"] for row in november.shipped()] == ["出荷"]
    withdrawn = (SECRET_INSTRUCTED, "局留", "1500002", "東京都渋谷区渋谷一丁目1番1号", "", "内密　凪", "")
    november.ward_sends("special_delivery", table(INSTRUCTION_HEADER, [withdrawn]), SECOND)
    for process in ("intake", "register", "orders"):
        november.run(process, SECOND)
    assert november.parcel(SECRET_INSTRUCTED)["state"] == "stopped"


def test_a_predecessors_secret_stays_a_secret_of_its_successor(july: Programme):
    gone = correction(home_of(SECRET), "削除", "誤り")
    again = replace(home_of(SECRET), no="00009001", confidential=False)
    july.ward_sends("corrections", table(CORRECTION_HEADER, [*gone, *correction(again, "追加")]), FIRST)
    july.run("intake", FIRST)
    july.run("register", FIRST)
    question = one(register_answers.questions("gift"))
    register_answers.answer("gift", question["question_id"], "same", "admin")
    july.run("register", FIRST)
    row = one([row for row in july.version("household") if row["household_no"] == SECRET])
    assert (row["ward_no"], row["confidential"], row["state"]) == (again.no, True, "live")


def test_one_step_alone_reads_registered_addresses(november: Programme, monkeypatch: pytest.MonkeyPatch):
    """`addresses.address_parts`: it gives the ward's instruction for whoever is confidential."""
    reads: list[bool] = []
    read = Lake.batches

    def noted(self: Lake, version: VersionRef, columns=None):
        if version.dataset == "person" and (columns is None or {"town", "block"} & set(columns)):
            reads.append(addresses.address_parts.__code__ in callers())
        return read(self, version, columns)

    def callers() -> Iterator[CodeType]:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            yield frame.f_code
            frame = frame.f_back

    monkeypatch.setattr(Lake, "batches", noted)
    season(november)
    assert reads
    assert all(reads)


def test_what_lies_open_in_the_lake_has_no_address(after_season):
    programme, _ = after_season
    homes = [home_of(number) for number in (SECRET, SECRET_INSTRUCTED, FAMILY, COUPLE)]
    wanted = addresses_of(*homes) | names_of(*homes)
    with programme.ledger.read() as tx:
        versions = [ref for name in programme.ledger.heads(tx) for ref in programme.ledger.versions(tx, name)]
    opened = {
        ref.dataset
        for ref in versions
        if ref.dataset not in ENCRYPTED and shows(str(Lake(programme.ledger).read(ref).to_pylist()), wanted)
    }
    assert opened == set()
