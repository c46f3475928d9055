"""A controller that is killed wherever it stands: releases end as without, nothing is lost."""

from collections import Counter
from pathlib import Path

import pytest

from turnout.testing.chaos import Crowd, Kill, Layout, Site, killed_at_each, site
from turnout.testing.chaos.figures import is_full, tell
from turnout.testing.chaos.kills import instances_of
from turnout.testing.chaos.layout import STEADY
from turnout.testing.gateway_stage import free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600 if is_full() else 300)]
ROUNDS = 10 if is_full() else 1
BASELINE = 600
SLOW = "--answer-ms 120 --stream-tokens 3 --token-ms 40"
UP = {"preparing", "starting", "verifying", "warming", "shifting", "watching"}
GOOD = UP | {"promoting", "baking", "retiring"}
BAD = UP | {"rolling_back"}

STORY = [
    (n, version, outcome)
    for n in range(ROUNDS)
    for version, outcome in ((f"v{n + 2}", "promoted"), (f"slow{n}", "worse"))
]


async def _release_under_kills(where: Site, version: str, outcome: str) -> list[Kill]:
    release_id = await where.ask(version)
    found = await killed_at_each(where, release_id)
    row = await where.ended(release_id)
    assert row.outcome == outcome
    assert {kill.phase for kill in found} == (GOOD if outcome == "promoted" else BAD)
    return found


async def test_a_controller_killed_in_every_phase_changes_no_outcome_and_loses_no_request(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = {f"v{n}": STEADY for n in range(1, ROUNDS + 2)}
    bad = {f"slow{n}": SLOW for n in range(ROUNDS)}
    layout = Layout(port=free_port(), versions=good | bad, bake="2s", golden_rows=60)
    kills: list[Kill] = []
    async with site(tmp_path / "site", layout) as where:
        await where.settled(await where.ask("v1"))
        async with Crowd(layout.port, where.root / "users.log", rate_rps=100) as users:
            await users.whole(BASELINE)
            for n, version, outcome in STORY:
                kills += await _release_under_kills(where, version, outcome)
                assert list(instances_of(where)) == [f"model-r{2 * n + 2}"], "one is left"
            tally = await users.leave()
        with capfd.disabled():
            tell(
                "controller killed",
                kills=len(kills),
                phases=Counter(kill.phase for kill in kills),
                in_job=sum(kill.in_job for kill in kills),
                between_save_and_act=sum(kill.before_act for kill in kills),
                sent=tally.sent,
                lost=tally.lost,
                cut=tally.cut,
            )
    assert [kill for kill in kills if kill.doubles] == []
    assert any(kill.in_job for kill in kills)
    assert any(kill.before_act for kill in kills)
    assert (tally.lost, tally.cut, tally.whole) == (0, 0, tally.sent), tally.reasons
