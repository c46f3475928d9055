"""A stage for the judges of one release: evidence is told second by second."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from turnout.application.judging import Judging
from turnout.application.ports import Batch, EvidenceState, EvidenceStore
from turnout.domain.evidence import Judged
from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Ended, Increment, Outcome, StreamEnd
from turnout.testing.fake_store import MemoryStore
from turnout.testing.manual import ManualClock, ManualTasks, ReplayedEvidence, play
from turnout.testing.world import START_S, a_release, a_request

FIRST_S = int(START_S)


def an_increment(second: int, name: str, *, n: int = 1, failed: int = 0) -> Increment:
    """Tell `n` requests of a second that have ended, some of them as failures."""
    counts = {Outcome.OK: n - failed, Outcome.FAILED: failed}
    return Increment(
        second=second,
        service="shop",
        tester=False,
        intended=name,
        actual=name,
        stratum=0,
        started=n,
        ended=tuple(ended(outcome, k) for outcome, k in counts.items() if k),
        overdue=0,
        running=0,
        bytes_in=0,
        bytes_out=0,
    )


def ended(outcome: Outcome, n: int, duration_ms: float = 80.0) -> Ended:
    """Count requests that ended alike."""
    return Ended(
        outcome=outcome,
        streamed=False,
        end=StreamEnd.NONE,
        attempts=1,
        ttft_bin=None,
        duration_bin=bin_of(duration_ms),
        chunks_bin=None,
        tpot_bin=None,
        n=n,
    )


def a_second(second: int, *, stable: int = 40, candidate: int = 4, failed: int = 0) -> Batch:
    """Make the news of one second, whose starts are known at once."""
    told = [an_increment(second, "shop-r1", n=stable)]
    if candidate:
        told.append(an_increment(second, "shop-r2", n=candidate, failed=failed))
    return Batch(cursor="", increments=tuple(told), complete_to=second)


@dataclass
class Saves:
    """The port `EvidenceStore`: it counts saves."""

    inside: EvidenceStore
    states: list[EvidenceState] = field(default_factory=list)

    async def save(self, epoch: int, release_id: str, state: EvidenceState) -> None:
        self.states.append(state)
        await self.inside.save(epoch, release_id, state)

    async def load(self, release_id: str) -> EvidenceState | None:
        return await self.inside.load(release_id)


class Stage:
    """Judges over evidence in memory; the row of their release lies in a store in memory."""

    def __init__(self, kept: Sequence[Batch] = ()) -> None:
        self.clock = ManualClock()
        self.tasks = ManualTasks(self.clock)
        self.observer = ReplayedEvidence(kept=kept)
        self.store = MemoryStore(self.clock.wall_s)
        self.epoch = play(self.clock, self.store.lease.ensure("here"))
        play(self.clock, self.store.requests.add(a_request()))
        self.release = replace(a_release(), id="shop-1")
        self.saves = Saves(self.store.evidence)
        self.rung: list[str] = []
        self.judging = self.restarted()

    def restarted(self) -> Judging:
        self.tasks.close()
        self.judging = Judging(
            observer=self.observer,
            store=self.saves,
            tasks=self.tasks,
            clock=self.clock,
            epoch=self.epoch,
            rung=self.rung.append,
        )
        return self.judging

    def weigh(self, weight_bp: int, step: int = 0, *, acked: bool = True) -> None:
        """Tell a weight as the engine does: on its way, then in force."""
        row = self.release.with_arm(weight_bp=weight_bp)
        self.release = replace(row, step=step, revised_at_s=self.clock.wall_s())
        self.ensure(acked=False)
        if acked:
            self.ensure(acked=True)

    def ensure(self, *, acked: bool) -> None:
        """Ensure the case; the reader of a new one learns its baseline before any weight."""
        readers = len(self.tasks.started)
        play(self.clock, self.judging.ensure(self.release, acked=acked))
        if len(self.tasks.started) > readers and self.release.id not in self.store.tables.judges:
            self.read()

    def look(self) -> Judged | None:
        return play(self.clock, self.judging.look(self.release))

    def close(self) -> None:
        play(self.clock, self.judging.close(self.release.id))

    def read(self, *batches: Batch) -> None:
        """Tell news, and let every reader read until it pauses."""
        for batch in batches:
            self.observer.tell(batch)
        for reader in list(self.tasks.started):
            try:
                reader.send(None)
            except StopIteration:
                self.tasks.started.remove(reader)

    def second(self, **told: int) -> None:
        """Let a second pass and tell it."""
        self.clock.go_on(1.0)
        self.read(a_second(int(self.clock.wall_s()), **told))

    def seconds(self, n: int, **told: int) -> None:
        for _ in range(n):
            self.second(**told)

    def windows(self) -> Sequence[str]:
        return play(self.clock, self.store.journal.windows(self.release.id))
