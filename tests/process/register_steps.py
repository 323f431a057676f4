"""What the ward's files and a person's answers make of the register of the small ward."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from programme import Programme, one
from small_ward import CORRECTION_HEADER, HEADER, SINGLE, Home, correction, drop, home_of, sealed, table

from todoke.process import register_answers


def sends(programme: Programme, on: date, **files: bytes) -> dict:
    """The ward sends files of some kinds, and the register is made anew; what the publication said."""
    for kind, content in files.items():
        programme.ward_sends(kind, content, on)
    programme.run("intake", on)
    return programme.run("register", on)["publish"]


def corrections(*blocks: list[tuple[str, ...]]) -> bytes:
    return table(CORRECTION_HEADER, [row for block in blocks for row in block])


def additions(*homes: Home) -> bytes:
    return table(HEADER, [row for home in homes for row in home.rows()])


def named_former(home: Home, former: str) -> list[tuple[str, ...]]:
    """The rows of a household that the ward says had another number."""
    place = HEADER.index("旧世帯番号")
    return [(*row[:place], former, *row[place + 1 :]) for row in home.rows()]


def household(programme: Programme, number: str) -> dict:
    return one([row for row in programme.version("household") if row["household_no"] == number])


def state(programme: Programme, number: str) -> tuple[str, str | None]:
    row = household(programme, number)
    return row["state"], row["state_reason"]


def asked() -> list[tuple[str, str, str]]:
    return [(row["kind"], row["household_no"], row["other_no"]) for row in register_answers.questions("gift")]


def answers(programme: Programme, verdict: str, on: date) -> dict:
    """A person answers the only open question, and the register is made anew."""
    question = one(register_answers.questions("gift"))
    register_answers.answer("gift", question["question_id"], verdict, "admin")
    return programme.run("register", on)["publish"]


def numbered(programme: Programme) -> dict[str, str]:
    return {row["household_no"]: row["application_no"] for row in programme.rows("application_number")}


def revision(programme: Programme, name: str, content: bytes, on: date) -> dict:
    drop(programme.inbox("lgwan"), f"{name}.csv.pgp", sealed(content))
    programme.run("intake", on)
    return programme.run("register", on)["publish"]


def by_hand(number: str) -> str:
    """A household number in full width, with a blank in it."""
    return f"{number[:4]}　{number[4:]}".translate({0x30 + n: 0xFF10 + n for n in range(10)})


def stop(*numbers: str) -> bytes:
    return table(("世帯番号", "理由"), [(number, "区の指示") for number in numbers])


ANEW = replace(home_of(SINGLE), no="00009001")


def renumbered(programme: Programme, on: date) -> None:
    """A household is deleted, and one with its member at its address is added under another number."""
    sends(
        programme, on, corrections=corrections(correction(home_of(SINGLE), "削除", "誤り")), additions=additions(ANEW)
    )
