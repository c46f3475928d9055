"""Every promise that fakes can show, under seeded faults at every call; and it bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import turnout
from turnout.testing.sim.__main__ import SINGLE, point_histories, random_histories
from turnout.testing.sim.coverage import Tally
from turnout.testing.sim.faults import Kind
from turnout.testing.sim.history import seeded

PACKAGE = Path(turnout.__file__).parent
HISTORIES = int(os.environ.get("TURNOUT_HISTORIES", "2000"))
MUTANTS = {
    "without the fence of the router": (
        "testing/sim/place.py",
        "        if fence < self.fence:\n            raise StaleRouteError",
        "        if False:\n            raise StaleRouteError",
        ["random", "0", "1000", "--stop"],
    ),
    "shrinking before the route": (
        "application/engine.py",
        """        applied = await self._route(release, running, fence)
        wanted = instances_of(release)
        if applied is None:
            wanted = _at_least(wanted, running)
        if applied is not None or running is not None:
            await self._attempt(
                self.parts.runtime.ensure(release.service, wanted, fence, kept_while(release))
            )
""",
        """        wanted = instances_of(release)
        await self._attempt(
            self.parts.runtime.ensure(release.service, wanted, fence, kept_while(release))
        )
        await self._route(release, running, fence)
""",
        ["random", "0", "1000", "--stop"],
    ),
    "without the adapter's own check at a shrink": (
        "testing/sim/place.py",
        "if name != group.set.name and (other is None or len(other.ready(now_s)) < least):",
        "if False:",
        ["crash", "promote"],
    ),
}


@pytest.mark.timeout(900)
def test_seeded_histories_keep_every_promise_and_reach_every_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    random_histories(0, HISTORIES, tally)
    with capsys.disabled():
        sys.stdout.write("\n" + tally.report(complete=True) + "\n")
    assert tally.broken == {}
    assert tally.empty_cells() == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", ["promote", "rollback", "abort"])
def test_a_fault_at_any_single_call_breaks_no_promise(scenario: str) -> None:
    tally = Tally()
    point_histories(scenario, tally, SINGLE, hosts=(1,))
    assert tally.broken == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", ["promote", "tight"])
def test_a_candidate_that_dies_while_the_controller_stands_still_costs_nothing(
    scenario: str,
) -> None:
    tally = Tally()
    point_histories(scenario, tally, (Kind.STALL_AND_CRASH,), hosts=(1,))
    assert tally.broken == {}


@pytest.mark.parametrize("seed", range(12))
def test_the_same_seed_gives_the_same_history(seed: int) -> None:
    first, second = (seeded(seed, tracing=True).world.scheduler.lines for _ in range(2))
    assert first == second


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_notices_what_is_taken_out(name: str, tmp_path: Path) -> None:
    file, old, new, arguments = MUTANTS[name]
    shutil.copytree(PACKAGE, tmp_path / "turnout", ignore=shutil.ignore_patterns("__pycache__"))
    text = (tmp_path / "turnout" / file).read_text()
    assert text.count(old) == 1, "the patch does not apply: the mutant has to follow the code"
    (tmp_path / "turnout" / file).write_text(text.replace(old, new))
    run = subprocess.run(
        [sys.executable, "-m", "turnout.testing.sim", *arguments],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "BROKEN" in run.stdout, run.stderr[-2000:]
