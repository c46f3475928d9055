"""Run histories: `python -m turnout.testing.sim random FIRST COUNT`, `points`, `one SEED`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial

from turnout.testing.sim.coverage import Tally
from turnout.testing.sim.faults import Kind
from turnout.testing.sim.history import SCENARIOS, History, directed, points, seeded
from turnout.testing.sim.scheduler import ViolationError

SINGLE = (Kind.KILL_BEFORE, Kind.KILL_AFTER, Kind.STALL, Kind.LATE, Kind.LOST_ANSWER, Kind.ERROR)


def random_histories(first: int, count: int, tally: Tally, *, stops: bool = False) -> None:
    """Run seeded histories, one after the other; `stops`: until one breaks a promise."""
    for seed in range(first, first + count):
        if stops and tally.broken:
            return
        tally.run(f"seed {seed}", partial(seeded, seed))


def point_histories(
    name: str, tally: Tally, kinds: tuple[Kind, ...] = SINGLE, hosts: tuple[int, ...] = (1, 2)
) -> None:
    """Run a scenario with a fault at every single call."""
    for script, count in points(name, kinds, hosts):
        label = f"{name} {script} hosts {count}"
        tally.run(label, partial(directed, name, script, hosts=count))


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; 1 when a promise was broken or a cell stayed empty."""
    parser = argparse.ArgumentParser(prog="python -m turnout.testing.sim", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    drawn = verbs.add_parser("random", help="seeded histories")
    drawn.add_argument("first", type=int)
    drawn.add_argument("count", type=int)
    drawn.add_argument("--stop", action="store_true", help="end at the first broken promise")
    one = verbs.add_parser("one", help="one seeded history with its trace")
    one.add_argument("seed", type=int)
    every = verbs.add_parser("points", help="a fault at every single call of a scenario")
    every.add_argument("scenario", choices=sorted(SCENARIOS))
    crash = verbs.add_parser("crash", help="stop and crash at every call of a scenario")
    crash.add_argument("scenario", choices=sorted(SCENARIOS))
    given = parser.parse_args(arguments)
    if given.verb == "one":
        return _one(lambda: seeded(given.seed, tracing=True))
    tally = Tally()
    if given.verb == "random":
        random_histories(given.first, given.count, tally, stops=given.stop)
    elif given.verb == "points":
        point_histories(given.scenario, tally)
    else:
        point_histories(given.scenario, tally, (Kind.STALL_AND_CRASH,))
    sys.stdout.write(tally.report(complete=given.verb == "random") + "\n")
    empty = given.verb == "random" and bool(tally.empty_cells())
    return 1 if tally.broken or empty else 0


def _one(run: Callable[[], History]) -> int:
    try:
        history = run()
    except ViolationError as error:
        sys.stdout.write("\n".join([*error.args[1:], f"VIOLATION {error.args[0]}"]) + "\n")
        return 1
    sys.stdout.write("\n".join(history.world.scheduler.lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
