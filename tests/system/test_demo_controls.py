"""The demonstration can end otherwise: its outcomes and its zeros are not written in it."""

import os
import signal
from pathlib import Path

import pytest

from turnout.children import holders
from turnout.testing.demo_stage import number, outcomes_of, played, typed

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def test_a_killed_envoy_makes_the_users_report_losses(tmp_path: Path) -> None:
    async with played(tmp_path, versions=["v1.2"]) as demo:
        await demo.until("command", "turnout release guard v1.2")
        for pid in holders(demo.root / ".turnout" / "gateway" / "envoy.lock"):
            os.kill(pid, signal.SIGKILL)
        result = await demo.result()
    assert number(result, "lost") > 0
    assert number(result, "cut") > 0
    assert result["reasons"]
    assert outcomes_of(result) == {"v1.2": "refused"}
    assert demo.child.returncode == 1


@pytest.mark.parametrize(
    ("version", "flags"),
    [("v1.2", ["--labels", "correct"]), ("v1.3", ["--cleaner", "linear"])],
    ids=["labels that are right", "a cleaner that is quick"],
)
async def test_a_version_without_its_mistake_is_promoted(
    tmp_path: Path, version: str, flags: list[str]
) -> None:
    async with played(tmp_path, versions=[version], flags={version: flags}) as demo:
        result = await demo.result()
    assert outcomes_of(result) == {version: "promoted"}
    assert (result["lost"], result["cut"]) == (0, 0)


if os.environ.get("TURNOUT_PROOFS") == "1":  # two and a half minutes

    @pytest.mark.timeout(300)
    async def test_the_whole_demonstration_ends_as_the_fast_one(tmp_path: Path) -> None:
        async with typed(tmp_path) as demo:
            result = await demo.result(within_s=240)
        assert list(outcomes_of(result).values()) == ["promoted", "refused", "rolled_back"]
        assert (result["lost"], result["cut"], result["controller_kills"]) == (0, 0, 1)
        assert demo.child.returncode == 0
