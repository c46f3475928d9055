"""What histories took and met: rows of MOVES, and faults at port verbs. An empty cell fails."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from turnout.domain.moves import BREAKAGE, MOVES
from turnout.domain.release import Phase
from turnout.testing.sim.faults import DRAWN
from turnout.testing.sim.scheduler import ViolationError

if TYPE_CHECKING:
    from turnout.testing.sim.history import History

VERBS = (
    "store.ensure",
    "store.due",
    "store.load",
    "store.save",
    "store.snooze",
    "runtime.claim",
    "runtime.ensure",
    "runtime.look",
    "router.claim",
    "router.ensure",
    "router.look",
    "router.in_flight",
    "jobs.ensure",
    "jobs.look",
    "monitor.ensure",
    "monitor.look",
)


def rows() -> list[tuple[str, str, str]]:
    """List the rows of the table: from, to, code; limits and breakage included."""
    found = []
    for phase, stay in MOVES.items():
        found += [(str(phase), str(move.to or phase), move.code) for move in stay.moves]
        if stay.limit_s is not None:
            found.append((str(phase), str(Phase.ROLLING_BACK), f"rolledback.{stay.late}"))
    return found


def breakage_codes() -> list[str]:
    """List the codes of breakage; each may come from any exposed phase."""
    return sorted({move.code for move in BREAKAGE})


@dataclass(slots=True)
class Tally:
    """Counts over many histories; `broken` maps a promise to the first history that broke it."""

    histories: int = 0
    calls: int = 0
    taken: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)
    violations: int = 0
    began_s: float = field(default_factory=time.process_time)

    def run(self, label: str, history: Callable[[], "History"]) -> None:
        """Run one history and count it."""
        self.histories += 1
        try:
            done = history()
        except ViolationError as error:
            self.violations += 1
            self.broken.setdefault(
                " ".join(str(error.args[0]).split()[:5]), f"{label}: {error.args[0]}"
            )
            return
        self.calls += done.calls.count
        self.taken.update(done.world.taken)
        self.met.update(done.calls.met)

    def empty_cells(self) -> list[str]:
        """Name rows of the table that were never taken, and faults that never met a verb."""
        empty = [" -> ".join(row) for row in rows() if not self.taken[row]]
        codes = {code for _, _, code in self.taken}
        empty += [code for code in breakage_codes() if code not in codes]
        empty += [
            f"{kind} at {verb}" for verb in VERBS for kind in DRAWN if not self.met[verb, str(kind)]
        ]
        return empty

    def report(self, *, complete: bool) -> str:
        """Print the tally for people."""
        lines = [f"{'rows of MOVES taken':<60}times"]
        lines += [f"{' -> '.join(row):<60}{n}" for row, n in sorted(self.taken.items()) if row[2]]
        lines.append("\n" + f"{'port verb':<20}" + "".join(f"{k:>14}" for k in DRAWN))
        for verb in VERBS:
            counts = "".join(f"{self.met[verb, str(k)]:>14}" for k in DRAWN)
            lines.append(f"{verb:<20}{counts}")
        lines += [f"BROKEN {text}" for text in self.broken.values()]
        if complete:
            lines += [f"EMPTY {cell}" for cell in self.empty_cells()]
        took_s = time.process_time() - self.began_s
        lines.append(
            f"{self.histories} histories, {self.calls} calls, {self.violations} violations, "
            f"{self.histories / max(took_s, 1e-9):.0f} histories per CPU second"
        )
        return "\n".join(lines)
