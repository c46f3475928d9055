"""The version that passes every check and is slow for long texts is found every time."""

import os
from pathlib import Path

import pytest

from turnout.testing.demo_stage import outcomes_of, played

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
# The demonstration of `test_demo_story` is the first of five.
RUNS = 20 if os.environ.get("TURNOUT_PROOFS") == "1" else 4


@pytest.mark.parametrize("run", range(RUNS))
async def test_the_slow_version_is_rolled_back_every_time(tmp_path: Path, run: int) -> None:
    del run
    async with played(tmp_path, versions=["v1.3"]) as demo:
        result = await demo.result(within_s=100)
    assert outcomes_of(result) == {"v1.3": "rolled_back"}
    assert (result["lost"], result["cut"]) == (0, 0)
    assert demo.child.returncode == 0
