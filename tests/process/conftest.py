"""The small ward's programme at the points of the year from which stories begin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "labels"))

from programme import Programme, installation, on_ledger
from story import HAND_OVER, LABELS, makes_first_register, prints_labels


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose contract suits a small ward."""
    return installation(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def in_july(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Programme:
    """The ward's files have been taken and its register is published."""
    programme = Programme(tmp_path_factory.mktemp("july") / "home", root)
    with programme.entered():
        makes_first_register(programme)
    return programme


@pytest.fixture(scope="session")
def in_november(tmp_path_factory: pytest.TempPathFactory, in_july: Programme) -> Iterator[Programme]:
    """Labels were approved and printed, catalogues are on their way, the web site is open."""
    with in_july.copied(tmp_path_factory.mktemp("november") / "home") as programme:
        with programme.entered():
            programme.run("labels", LABELS)
            programme.answer()
            programme.run("labels", LABELS)
            programme.hands_over(HAND_OVER, "catalogue")
            programme.web_site_opens()
        yield programme


@pytest.fixture(scope="session")
def labels_printed(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Programme:
    """Labels are printed and still with us."""
    programme = Programme(tmp_path_factory.mktemp("labels_printed") / "home", root)
    with programme.entered():
        prints_labels(programme)
    return programme


@pytest.fixture(scope="session")
def labels_printed_on_postgresql(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Programme]:
    """The same on PostgreSQL."""
    with on_ledger("postgresql", tmp_path_factory.mktemp("labels_printed") / "home", root) as programme:
        with programme.entered():
            prints_labels(programme)
        yield programme


@pytest.fixture
def printed(labels_printed: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the printing of the labels on."""
    with labels_printed.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


@pytest.fixture
def july(in_july: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the published register on."""
    with in_july.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


@pytest.fixture
def november(in_november: Programme, tmp_path: Path) -> Iterator[Programme]:
    """A programme of its own from the hand-over of the catalogues on."""
    with in_november.copied(tmp_path / "home") as programme, programme.entered():
        yield programme


@pytest.fixture
def fresh(root: Path, tmp_path: Path) -> Iterator[Programme]:
    """A programme to which nothing has happened."""
    with Programme(tmp_path / "home", root).entered() as programme:
        yield programme


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[Programme]:
    """A programme to which nothing has happened, on either ledger."""
    with on_ledger(request.param, tmp_path / "home", root) as programme, programme.entered():
        yield programme
