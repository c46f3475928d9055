"""Each benchmark keeps its bar, here with a tenth of its count."""

import asyncio
import sys
from pathlib import Path

import pytest

from turnout.testing.chaos.figures import is_full

ROOT = Path(__file__).parents[2]
LIMIT_S = 1500 if is_full() else 200

pytestmark = [pytest.mark.system, pytest.mark.timeout(LIMIT_S + 20)]


@pytest.mark.parametrize("name", ["startup", "switch", "resources"])
async def test_a_benchmark_keeps_its_bar(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    program = ROOT / "benchmarks" / f"{name}.py"
    flags = [] if is_full() else ["--fast"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(program), *flags, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            told = (await child.communicate())[0].decode()
    finally:
        if child.returncode is None:
            child.terminate()
            await child.wait()
    with capfd.disabled():
        sys.stdout.write(told)
    assert child.returncode == 0, told
