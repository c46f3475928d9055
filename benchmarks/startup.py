"""How long quick commands take, as multiples of a bare interpreter; 1 when one is over its bar."""

import asyncio
import compileall
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import turnout
from turnout.testing.chaos import Layout, Part, Site, site
from turnout.testing.chaos.figures import tell
from turnout.testing.chaos.kills import kill
from turnout.testing.gateway_stage import free_port

PAIRS = 30  # with `--fast` too: fewer would not be steady
PROGRAM = str(Path(sys.executable).with_name("turnout"))
BARE = (sys.executable, "-c", "pass")
HELP, STATUS = (PROGRAM, "--help"), (PROGRAM, "status")
BARS = {HELP: 5.0, STATUS: 8.0}


def seconds_of(command: tuple[str, ...], folder: Path) -> float:
    began_s = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=20)
    return time.perf_counter() - began_s


def ratio_of(command: tuple[str, ...], folder: Path) -> float:
    seconds_of(command, folder)
    bare_s, ours_s = [], []
    for _ in range(PAIRS):
        bare_s.append(seconds_of(BARE, folder))
        ours_s.append(seconds_of(command, folder))
    return round(median(ours_s) / median(bare_s), 2)


async def measured(where: Site) -> dict[str, float]:
    await where.settled(await where.ask("v1"))
    found = {
        "--help": await asyncio.to_thread(ratio_of, HELP, where.root),
        "status": await asyncio.to_thread(ratio_of, STATUS, where.root),
    }
    await kill(where, Part.CONTROLLER)
    found["status without a controller"] = await asyncio.to_thread(ratio_of, STATUS, where.root)
    return found


async def main() -> int:
    compileall.compile_dir(Path(turnout.__file__).parent, quiet=2)
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder:
        async with site(Path(folder), Layout(port=free_port(), versions={"v1": ""})) as where:
            found = await measured(where)
    tell("start-up, times a bare interpreter", pairs=PAIRS, **found)
    bars = {name: BARS[HELP if name == "--help" else STATUS] for name in found}
    return int(any(found[name] > bar for name, bar in bars.items()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
