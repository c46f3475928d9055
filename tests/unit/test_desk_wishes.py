"""The use cases of people over a store in memory."""

from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from tests.unit.api_stage import NoArtifacts
from turnout.application.desk import RUNS_AGAIN, Desk, Order, Wanted
from turnout.application.ports import Asked, Change
from turnout.bootstrap_loop import LoopTasks, SystemClock
from turnout.domain.checks import ArtifactRules, Checks
from turnout.domain.release import FINAL, Outcome, Phase, Release, Verb, enter
from turnout.domain.version import Version
from turnout.errors import (
    ActiveReleaseError,
    BadInputError,
    QuarantinedError,
    RefusedError,
    UnknownReleaseError,
)
from turnout.testing.fake_store import MemoryStore
from turnout.testing.world import START_S, a_plan, a_version


@dataclass(slots=True)
class Place:
    """A desk, and what it told."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: START_S))
    woken: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    keys: "count[int]" = field(default_factory=count)
    epoch: int = 0

    @property
    def desk(self) -> Desk:
        return Desk(
            requests=self.store.requests,
            journal=self.store.journal,
            artifacts=NoArtifacts(),
            tasks=LoopTasks(lambda _: None),
            clock=SystemClock(),
            woken=self.woken.append,
            changed=self.changed.append,
        )

    def order(self, reason: str = "") -> Order:
        return Order(by="local:dev", key=f"k{next(self.keys)}", reason=reason)

    async def ask(self, name: str, *, queue: bool = False) -> Asked:
        return await self.desk.release(replace(wanted(name), queue=queue), self.order())

    async def move(self, phase: Phase, outcome: Outcome | None = None) -> Release:
        """Let the engine have come to a phase with the newest release."""
        if not self.epoch:
            self.epoch = await self.store.lease.ensure("test")
        newest = (await self.store.journal.releases("shop"))[0]
        moved = replace(enter(newest, phase), edition=newest.edition + 1, outcome=outcome)
        await self.store.releases.save(self.epoch, Change(release=moved))
        return moved

    async def promote(self, name: str) -> Release:
        await self.ask(name)
        await self.move(Phase.BAKING, Outcome.PROMOTED)
        return await self.move(Phase.PROMOTED, Outcome.PROMOTED)


def wanted(name: str) -> Wanted:
    return Wanted(
        service="shop",
        project="shop",
        environment="local",
        plan=a_plan(),
        version=lambda _: a_version(name),
    )


@pytest.fixture
def place() -> Place:
    return Place()


async def test_the_first_wish_starts_the_first_release(place: Place) -> None:
    asked = await place.ask("v1")
    assert asked.state == "started"
    assert asked.release is not None
    assert asked.release.is_first
    assert place.woken == ["shop-1"]


async def test_a_version_is_made_from_the_digest_of_its_artifact(place: Place) -> None:
    seen: list[str | None] = []

    def version(digest: str | None) -> Version:
        seen.append(digest)
        return a_version()

    checks = Checks(artifact=ArtifactRules(source="models/v7"))
    wish = replace(wanted("v1"), plan=a_plan(checks=checks), version=version)
    await place.desk.release(wish, place.order())
    assert seen == ["sha256:v7"]


async def test_what_is_stable_already_has_nothing_to_do(place: Place) -> None:
    await place.promote("v1")
    assert (await place.ask("v1")).state == "nothing_to_do"


async def test_a_second_release_is_refused_while_one_is_under_way(place: Place) -> None:
    await place.ask("v1")
    with pytest.raises(ActiveReleaseError, match="--replace"):
        await place.ask("v2")


async def test_a_release_waits_behind_another_when_told_so(place: Place) -> None:
    await place.ask("v1")
    asked = await place.ask("v2", queue=True)
    assert (asked.state, asked.queued_behind) == ("queued", "shop-1")
    assert place.woken == ["shop-1", "shop-1"]


async def test_a_stopped_service_runs_again_with_its_own_version(place: Place) -> None:
    await place.promote("v1")
    await place.desk.settle(place.order())
    assert (await place.ask("v1")).state == RUNS_AGAIN
    assert not (await place.desk.service_named("shop")).is_down


async def test_another_version_of_a_stopped_service_is_released(place: Place) -> None:
    await place.promote("v1")
    await place.desk.settle(place.order())
    assert (await place.ask("v2")).state == "started"
    assert not (await place.desk.service_named("shop")).is_down


# --- commands


async def test_a_command_is_bound_to_the_digest_of_its_release(place: Place) -> None:
    await place.ask("v1")
    await place.desk.command("shop-1", Verb.PAUSE, place.order("lunch"))
    [command] = (await place.store.releases.load("shop-1")).commands
    assert (command.verb, command.digest, command.why) == (Verb.PAUSE, "sha256:v1", "lunch")
    assert command.by == "local:dev"


async def test_a_service_stands_for_its_newest_release(place: Place) -> None:
    await place.promote("v1")
    await place.ask("v2")
    await place.desk.command("shop", Verb.PAUSE, place.order())
    assert len((await place.store.releases.load("shop-2")).commands) == 1


async def test_a_service_with_a_number_in_its_name_is_no_release(place: Place) -> None:
    wish = replace(wanted("v1"), service="shop-2")
    await place.desk.release(wish, place.order())
    assert (await place.desk.release_named("shop-2")).id == "shop-2-1"


@pytest.mark.parametrize("phase", sorted(FINAL))
async def test_a_release_that_has_ended_takes_no_command(place: Place, phase: Phase) -> None:
    await place.ask("v1")
    await place.move(phase, Outcome.ABORTED)
    with pytest.raises(RefusedError, match="explain shop-1"):
        await place.desk.command("shop-1", Verb.PAUSE, place.order())


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.FORCE])
@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.STARTING, Phase.VERIFYING])
async def test_what_is_at_no_step_cannot_be_promoted(
    place: Place, verb: Verb, phase: Phase
) -> None:
    await place.ask("v1")
    if phase is not Phase.PREPARING:
        await place.move(phase)
    with pytest.raises(RefusedError, match="at a step"):
        await place.desk.command("shop-1", verb, place.order())


async def test_what_is_not_paused_cannot_be_resumed(place: Place) -> None:
    await place.ask("v1")
    with pytest.raises(RefusedError, match="not paused"):
        await place.desk.command("shop-1", Verb.RESUME, place.order())


async def test_a_retiring_release_names_the_way_back(place: Place) -> None:
    await place.ask("v1")
    await place.move(Phase.RETIRING, Outcome.PROMOTED)
    with pytest.raises(RefusedError, match="turnout rollback shop"):
        await place.desk.command("shop-1", Verb.ABORT, place.order())


async def test_a_release_that_goes_back_is_not_aborted_twice(place: Place) -> None:
    await place.ask("v1")
    await place.move(Phase.ROLLING_BACK, Outcome.ABORTED)
    with pytest.raises(RefusedError, match="being rolled back"):
        await place.desk.command("shop-1", Verb.ABORT, place.order())


# --- the way back


async def test_an_active_release_is_undone_by_going_back(place: Place) -> None:
    await place.promote("v1")
    await place.ask("v2")
    await place.desk.go_back("shop", None, place.order())
    [command] = (await place.store.releases.load("shop-2")).commands
    assert command.verb is Verb.ABORT


async def test_a_bake_is_undone_by_going_back(place: Place) -> None:
    await place.promote("v1")
    await place.ask("v2")
    await place.move(Phase.BAKING, Outcome.PROMOTED)
    asked = await place.desk.go_back("shop", "v1", place.order())
    assert asked.release is not None
    assert asked.release.id == "shop-2"


async def test_after_promotion_the_version_before_returns_fast(place: Place) -> None:
    await place.promote("v1")
    await place.promote("v2")
    asked = await place.desk.go_back("shop", None, place.order("too slow"))
    release = asked.release
    assert release is not None
    assert (release.candidate.name, release.fast_return, release.reason) == ("v1", True, "too slow")
    assert [step.weight_bp for step in release.plan.steps] == [10_000]
    assert release.plan.checks.golden == ()


async def test_a_fast_return_keeps_the_hold_of_the_last_step(place: Place) -> None:
    await place.promote("v1")
    await place.promote("v2")
    release = (await place.desk.go_back("shop", "v1", place.order())).release
    assert release is not None
    assert release.plan.steps[0].hold_s == a_plan().steps[-1].hold_s


async def test_a_return_during_retirement_waits_for_its_end(place: Place) -> None:
    await place.promote("v1")
    await place.ask("v2")
    await place.move(Phase.BAKING, Outcome.PROMOTED)
    await place.move(Phase.RETIRING, Outcome.PROMOTED)
    asked = await place.desk.go_back("shop", None, place.order())
    assert (asked.state, asked.queued_behind) == ("queued", "shop-2")


async def test_there_is_no_way_back_behind_the_first_version(place: Place) -> None:
    await place.promote("v1")
    with pytest.raises(RefusedError, match="no version before"):
        await place.desk.go_back("shop", None, place.order())


async def test_what_was_never_stable_is_not_returned_to(place: Place) -> None:
    await place.promote("v1")
    await place.ask("v2")
    await place.move(Phase.ROLLED_BACK, Outcome.ABORTED)
    with pytest.raises(RefusedError, match="never the stable version"):
        await place.desk.go_back("shop", "v2", place.order())


async def test_an_older_version_needs_the_active_release_undone_first(place: Place) -> None:
    await place.promote("v0")
    await place.promote("v1")
    await place.ask("v2")
    with pytest.raises(RefusedError, match="leads to v1, not to v0"):
        await place.desk.go_back("shop", "v0", place.order())


# --- everything


async def test_everything_under_way_is_undone_at_the_end(place: Place) -> None:
    await place.ask("v1")
    assert await place.desk.settle(place.order()) == ["shop-1"]
    [command] = (await place.store.releases.load("shop-1")).commands
    assert command.verb is Verb.ABORT
    assert (await place.desk.service_named("shop")).is_down


async def test_a_bake_ends_in_favour_of_the_new_version(place: Place) -> None:
    await place.ask("v1")
    await place.move(Phase.BAKING, Outcome.PROMOTED)
    await place.desk.settle(place.order())
    [command] = (await place.store.releases.load("shop-1")).commands
    assert command.verb is Verb.FINISH_BAKE


async def test_what_leaves_already_is_let_go(place: Place) -> None:
    await place.ask("v1")
    await place.move(Phase.ROLLING_BACK, Outcome.ABORTED)
    assert await place.desk.settle(place.order()) == ["shop-1"]
    assert (await place.store.releases.load("shop-1")).commands == ()


async def test_nothing_is_settled_where_nothing_runs(place: Place) -> None:
    assert await place.desk.settle(place.order()) == []


# --- quarantine and names


async def test_a_barred_version_is_refused_until_it_is_free(place: Place) -> None:
    await place.promote("v1")
    await place.promote("v2")
    await place.desk.set_barred("shop", "v1", place.order("leaks"), is_barred=True)
    with pytest.raises(QuarantinedError, match="leaks"):
        await place.ask("v1")
    await place.desk.set_barred("shop", "v1", place.order("mended"), is_barred=False)
    assert (await place.ask("v1")).state == "started"


async def test_a_version_that_nobody_knows_cannot_be_barred(place: Place) -> None:
    await place.promote("v1")
    with pytest.raises(BadInputError, match="no version `v9`"):
        await place.desk.set_barred("shop", "v9", place.order(), is_barred=True)


async def test_an_unknown_release_names_where_to_look(place: Place) -> None:
    with pytest.raises(UnknownReleaseError, match="turnout history"):
        await place.desk.release_named("shop-7")


async def test_an_unknown_service_names_the_known_ones(place: Place) -> None:
    await place.promote("v1")
    with pytest.raises(BadInputError, match="known: shop"):
        await place.desk.service_named("shup")
