"""The users' own lines are read as counts; users that end too soon are an error."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.entrypoints.demo.crowd import Count, Crowd, CrowdError, count_of
from turnout.testing.gateway_stage import free_port
from turnout.testing.load_tally import Ended, Kind, LoadTally, Outcome, report_line
from turnout.testing.waiting import eventually

ENDS = [
    (Kind.ANSWER, Outcome.WHOLE, ""),
    (Kind.STREAM, Outcome.WHOLE, ""),
    (Kind.STREAM, Outcome.CUT, "reset"),
    (Kind.ANSWER, Outcome.LOST, "reset"),
]


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    crowd = Crowd(port=free_port(), rate_rps=50, log=tmp_path / "users.log", environment=os.environ)
    yield crowd
    crowd.kill()


def test_the_report_of_the_users_is_read_whole() -> None:
    tally = LoadTally()
    for kind, outcome, reason in ENDS:
        tally.sent(kind)
        ended = Ended(
            kind=kind,
            outcome=outcome,
            began_at_s=5.0,
            duration_ms=1.0,
            version="v1.0",
            reason=reason,
        )
        tally.ended(ended)
    tally.was_late(7.5)
    line = json.loads(report_line(tally.report(began_at_s=5.0, ended_at_s=6.0)))
    assert count_of(line) == Count(
        sent=4, lost=1, cut=1, streams=2, late_ms=7.5, versions={"v1.0": 4}, reasons={"reset": 2}
    )


def test_a_line_without_counts_counts_nothing() -> None:
    assert count_of({"kind": "progress", "versions": None, "late_ms": "?"}) == Count()


async def test_users_that_never_came_have_counted_nothing(crowd: Crowd) -> None:
    crowd.kill()
    assert await crowd.end() == Count()


async def test_users_without_a_service_lose_every_request(crowd: Crowd) -> None:
    await crowd.begin()
    await eventually(lambda: asyncio.sleep(0, crowd.latest.sent > 0))
    count = await crowd.end()
    assert count.sent == count.lost + count.cut > 0
    assert sum(count.reasons.values()) == count.sent


async def test_users_that_end_too_soon_are_an_error_with_their_log(crowd: Crowd) -> None:
    await crowd.begin()
    await eventually(lambda: asyncio.sleep(0, crowd.latest.sent > 0))
    crowd.kill()
    await eventually(lambda: asyncio.sleep(0, crowd.has_ended))
    with pytest.raises(CrowdError, match=r"users\.log"):
        await crowd.end()
