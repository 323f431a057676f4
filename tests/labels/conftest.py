"""Fixtures of the label tests."""

from __future__ import annotations

import pytest
from label_samples import Shelf, eudc_font

from todoke.labels.fonts import FontSet


@pytest.fixture(scope="session")
def fonts() -> FontSet:
    return FontSet.load([eudc_font()])


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()
