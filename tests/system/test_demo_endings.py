"""However the demonstration ends, nothing of it runs on: interrupted, killed, unread."""

import asyncio
import signal
from pathlib import Path

import pytest

from turnout.testing.census import census_of, left_of
from turnout.testing.demo_stage import DemoStage, typed

pytestmark = [pytest.mark.system, pytest.mark.timeout(90)]
USERS_AT_BOTH = ("line", "50 % of the requests go to v1.1")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    place = tmp_path / "elsewhere"
    place.mkdir()
    return place


async def interrupted(demo: DemoStage, number: signal.Signals) -> None:
    demo.send(number)
    last = await demo.result(within_s=40)
    assert last["event"] == "interrupted"
    assert demo.child.returncode == 130


async def test_an_interruption_in_the_middle_ends_everything(tmp_path: Path) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until(*USERS_AT_BOTH)
        seen = census_of(demo.root)
        await interrupted(demo, signal.SIGINT)
        assert len(seen.ports) >= 3
        assert left_of(seen) == []
        assert not demo.root.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interruption_at_the_start_ends_everything(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until("begun")
        seen = census_of(demo.root)
        await interrupted(demo, number)
        assert left_of(seen) == []
        assert not demo.root.exists()


async def test_a_second_interruption_does_not_stop_the_ending(tmp_path: Path) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until("users")
        seen = census_of(demo.root)
        demo.send(signal.SIGINT)
        await demo.until("interrupted")
        await interrupted(demo, signal.SIGINT)
        assert left_of(seen) == []


async def test_a_reader_that_leaves_ends_everything(tmp_path: Path) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until("command", "turnout release guard v1.0")
        seen = census_of(demo.root)
        demo.hang_up()
        async with asyncio.timeout(40):
            await demo.child.wait()
        assert left_of(seen) == []
        assert not demo.root.exists()


async def test_what_a_killed_demonstration_left_is_ended_by_down_from_anywhere(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until(*USERS_AT_BOTH)
        seen = census_of(demo.root)
        demo.child.kill()
        await demo.child.wait()
        assert left_of(seen) != []
        code, said = await demo.down(elsewhere)
        assert (code, left_of(seen)) == (0, [])
        assert str(demo.root) in said
        assert not demo.root.exists()


async def test_down_ends_a_demonstration_that_was_killed_while_it_began(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until("begun")
        demo.child.kill()
        await demo.child.wait()
        assert (await demo.down(elsewhere))[0] == 0
        assert not demo.root.exists()
        assert "there is no `turnout.yaml`" in (await demo.down(elsewhere))[1]


async def test_down_leaves_a_demonstration_that_lives_alone(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with typed(tmp_path, "--fast") as demo:
        await demo.until("command", "turnout release guard v1.0")
        seen = census_of(demo.root)
        assert (await demo.down(elsewhere))[0] == 2
        assert set(seen.commands) <= set(census_of(demo.root).commands)
