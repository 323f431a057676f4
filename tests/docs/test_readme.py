"""What the README and the pages of `docs/` tell to type, set and open is there, in both languages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from todoke import cli

ROOT = Path(__file__).parents[2]
README, README_JA = ROOT / "README.md", ROOT / "README.ja.md"
PAGES = (README, README_JA, *sorted((ROOT / "docs").glob("*.md")))
SOURCES = ("src", "dags", "orchestration", "plugins")
LARGEST_PICTURE = 200_000

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _text(page: Path) -> str:
    return page.read_text("utf-8")


def _without_blocks(page: Path) -> str:
    return _FENCE.sub("", _text(page))


def _headings(page: Path) -> list[str]:
    return re.findall(r"^#+ .+$", _without_blocks(page), re.MULTILINE)


def _anchor(heading: str) -> str:
    """As GitHub makes it: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def _targets(page: Path) -> list[str]:
    markdown = re.findall(r"\]\(([^)]+)\)", _text(page))
    return markdown + re.findall(r'<img src="([^"]+)"', _text(page))


def _shape(page: Path) -> dict[str, list[object]]:
    """What both languages have in common: all but the words, and the comments in blocks."""
    text = _without_blocks(page)
    return {
        "levels": [len(heading.split()[0]) for heading in _headings(page)],
        "blocks": [(kind, re.sub(r" *# .*", "", code)) for kind, code in _FENCE.findall(_text(page))],
        "pictures": re.findall(r"[\w/.-]+\.png", text),
        "rows": [row.count("|") for row in re.findall(r"^\|.*$", text, re.MULTILINE)],
        "first cells": re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE),
        "links": sorted(t for t in _targets(page) if not t.startswith(("#", "README"))),
    }


def test_both_languages_say_the_same():
    ours, theirs = _shape(README), _shape(README_JA)
    for what, found in ours.items():
        assert found == theirs[what], what


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    for target in _targets(page):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in [_anchor(heading) for heading in _headings(there)], target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_is_there(page: Path):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"(?:^|`|\w=\d+ )make ([a-z]+)", _text(page), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_todoke_command_and_option_is_there(page: Path):
    root = get_command(cli.app)
    for line in re.findall(r"(?:^|`|/)todoke ([a-z][^`\n#]*)", _text(page), re.MULTILINE):
        command, words = root, line.split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), f"todoke {line}"
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options, f"todoke {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_is_read_somewhere(page: Path):
    code = "".join(file.read_text("utf-8") for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py"))) + (
        ROOT / "docker-compose.yaml"
    ).read_text("utf-8")
    for name in set(re.findall(r"TODOKE_[A-Z]+(?:_[A-Z]+)*\b", _text(page))):
        part = re.fullmatch(r"TODOKE_[A-Z]+_HOME", name)
        assert name in code or (part and "TODOKE_{part.upper()}_HOME" in code), name


def test_every_module_that_a_command_imports_has_what_it_takes():
    for page in PAGES:
        for code in re.findall(r'python -c "([^"]+)"', _text(page)):
            imports = "\n".join(part for part in code.split("; ") if part.startswith("from "))
            assert imports, code
            exec(compile(imports, page.name, "exec"), {})
            compile(code, page.name, "exec")


def test_the_table_of_folders_names_every_one_and_no_other():
    table = _text(README).rpartition("## Where things are")[2]
    cells = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    named = {name.split("/")[0] for cell in cells for name in re.findall(r"`(.+?)/`", cell)}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folders = {name.split("/")[0] for name in tracked.splitlines() if "/" in name and not name.startswith(".")}
    assert named == folders


def test_pictures_are_small_and_used():
    text = "".join(_text(page) for page in PAGES)
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stat().st_size <= LARGEST_PICTURE, picture.name
        assert picture.name in text, picture.name
