"""Whatever the ward, residents and the carrier do and in whatever order: totals close, nobody twice for one cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from label_world import CONTRACT, HOUSEHOLDS, LabelWorld

import databases
from todoke.store import database

EVENTS = (
    *("base", "adds", "adds", "deletes", "holds", "frees", "declines", "names"),
    *("hands_over", "hands_over", "comes_back", "is_lost", "readdresses", "asks", "reprints_one", "prints", "prints"),
    *("pulls_one", "finds", "withdraws", "mends"),
)
History = Sequence[tuple[str, str]]
histories = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(HOUSEHOLDS)), min_size=6, max_size=24)
ONE, OTHER = HOUSEHOLDS[:2]


def lived(home, history: History) -> LabelWorld:  # type: ignore[no-untyped-def]
    """The world after a history, and a last day on which everything that can be printed is."""
    now = datetime(2026, 9, 7, 18)
    own = {"TODOKE_HOME": str(home), "TODOKE_LEDGER": None, "TODOKE_GIFT_KEY": databases.KEY, "TODOKE_ENV": "test"}
    with databases.environment(**own, TODOKE_NOW=now.isoformat()):
        world = LabelWorld()
        for n, (event, household) in enumerate([*history, ("adds", ONE), ("prints", ONE)]):
            with databases.environment(TODOKE_NOW=(now + timedelta(days=n)).isoformat()):
                getattr(world, event)(household)
        world.ends()
        database.engine_of(CONTRACT).dispose()
    return world


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories)
@example(
    [
        ("adds", ONE),
        ("prints", ""),
        ("hands_over", ONE),
        ("comes_back", ONE),
        ("readdresses", ONE),
        ("asks", ONE),
        ("prints", ""),
        ("hands_over", ONE),
        ("is_lost", ONE),
        ("asks", ONE),
        ("prints", ""),
    ]
)
@example(
    [
        ("names", ONE),
        ("declines", ONE),
        ("adds", OTHER),
        ("prints", ""),
        ("names", OTHER),
        ("base", ""),
        ("hands_over", OTHER),
        ("prints", ""),
        ("deletes", OTHER),
        ("reprints_one", OTHER),
        ("prints", ""),
    ]
)
def test_totals_close_and_nobody_is_printed_twice_for_one_cause(tmp_path_factory: pytest.TempPathFactory, history):
    world = lived(tmp_path_factory.mktemp("history"), history)
    live = {number for number, state in world.state.items() if state == "live"}
    assert live - world.declined - world.named <= world.first.keys(), "everybody who may have one has one"


def test_a_loss_with_an_address_and_a_request_is_sent_once_and_the_next_loss_again(tmp_path):
    """What the property above would pass in silence, were nothing ever printed."""
    history = [("adds", ONE), ("prints", ""), ("hands_over", ONE), ("comes_back", ONE), ("readdresses", ONE)]
    assert [cause for _, cause, _ in lived(tmp_path / "1", [*history, ("prints", "")]).printed] == [
        *("first", "readdress"),
    ]
    both = [*history, ("asks", ONE), ("prints", ""), ("hands_over", ONE), ("is_lost", ONE), ("asks", ONE)]
    causes = [cause for _, cause, _ in lived(tmp_path / "2", [*both, ("prints", "")]).printed]
    assert causes == ["first", "resend", "resend"]


def test_a_label_pulled_for_its_print_goes_anew_once_it_is_out_and_a_withdrawn_request_stops_nothing(tmp_path):
    pulled = [("adds", ONE), ("prints", ""), ("pulls_one", ONE), ("prints", "")]
    for number, (events, item, parcel) in enumerate(
        (
            ([], "to_find", ("stopped", 2)),
            (["mends"], "to_find", ("stopped", 2)),
            (["finds"], "pulled", ("stopped", 2)),
            (["finds", "mends"], "pulled", ("released", 3)),
            (["mends", "finds"], "pulled", ("released", 3)),
            (["finds", "withdraws"], "pulled", ("stopped", 2)),
            (["withdraws"], "to_find", ("released", 3)),
        )
    ):
        world = lived(tmp_path / str(number), [*pulled, *((event, ONE) for event in events)])
        assert (world.items, world.parcels) == ([item], [parcel]), events
    world = lived(tmp_path / "at once", [*pulled[:3], ("withdraws", ONE)])
    assert (world.items, world.parcels) == (["withdrawn"], [("released", 1)])
