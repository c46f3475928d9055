"""Verdicts through the real gateway: equal versions are promoted, worse ones never."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.testing.chaos import Crowd, Layout, Site, site
from turnout.testing.chaos.figures import is_full, spread, tell
from turnout.testing.chaos.layout import STEADY
from turnout.testing.gateway_stage import free_port

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800 if is_full() else 240)]
EQUAL = 10 if is_full() else 2
WORSE = 5 if is_full() else 1
BASELINE = 600


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    good = {f"v{n}": STEADY for n in range(1, EQUAL + 2)}
    bad = {f"bad{n}": f"{STEADY} --error-ratio 0.05" for n in range(WORSE)}
    async with site(tmp_path / "site", Layout(port=free_port(), versions=good | bad)) as running:
        await running.settled(await running.ask("v1"))
        yield running


def codes_of(where: Site, release_id: str) -> list[str]:
    with where.rows() as rows:
        return [str(decision["code"]) for decision in rows.decisions(release_id)]


def exposed_of(where: Site, release_id: str) -> int:
    with where.rows() as rows:
        return max(int(str(decision["exposed"])) for decision in rows.decisions(release_id))


async def test_equal_versions_are_promoted_by_their_gates_one_after_the_other(
    served: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    exposed = []
    async with Crowd(served.layout.port, served.root / "users.log") as users:
        await users.whole(BASELINE)
        for n in range(EQUAL):
            row = await served.settled(await served.ask(f"v{n + 2}"))
            codes = codes_of(served, row.id)
            assert (row.outcome, row.paused) == ("promoted", ""), codes
            assert {"step.passed", "passed"} <= set(codes)
            exposed.append(exposed_of(served, row.id))
        tally = await users.leave()
    with capfd.disabled():
        tell("equal versions", releases=EQUAL, promoted=EQUAL, sent=tally.sent, lost=tally.lost)
    assert (tally.lost, tally.cut) == (0, 0), tally.reasons
    assert tally.whole == tally.sent


async def test_five_failures_in_a_hundred_are_worse_and_rolled_back_every_time(
    served: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    outcomes, exposed = [], []
    async with Crowd(served.layout.port, served.root / "users.log") as users:
        await users.whole(BASELINE)
        for n in range(WORSE):
            row = await served.ended(await served.ask(f"bad{n}"))
            outcomes.append(row.outcome)
            exposed.append(exposed_of(served, row.id))
        tally = await users.leave()
    with capfd.disabled():
        tell("5 % of status 500", outcomes=outcomes, exposed=spread(exposed, 0), lost=tally.lost)
    assert outcomes == ["worse"] * WORSE
    assert set(tally.reasons) <= {"status 500"}
