"""What every runtime has to pass: subclass the suite and give it a world to act in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import pytest

from turnout.application.ports import Runtime
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Running, Version
from turnout.errors import FencedError, ShrinkRefusedError
from turnout.testing.waiting import eventually

NOTHING = Running()
_FENCE = Fence(3, 40)
_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeWorld:
    """A runtime without instances, and versions to run on it.

    Args:
        runtime: The part under test.
        sound: A version that gets ready.
        broken: A version that ends at each start.
        slow: A version that never gets ready and does not end.
        crash: Ends one instance of a set from outside.
        reopened: Gives the runtime as a controller that was started anew finds it.
    """

    runtime: Runtime
    sound: Version
    broken: Version
    slow: Version
    crash: Callable[[str], Awaitable[None]]
    reopened: Callable[[], Awaitable[Runtime]]

    def first(self, service: str = "guard") -> InstanceSet:
        """Name a set of the sound version."""
        return InstanceSet(service=service, number=17, version=self.sound)

    def second(self) -> InstanceSet:
        """Name a later set of the same service."""
        return InstanceSet(service="guard", number=18, version=self.sound)

    async def ensure(
        self,
        wanted: Mapping[InstanceSet, int],
        *,
        fence: Fence = _FENCE,
        only_while: Mapping[InstanceSet, int] | None = None,
    ) -> None:
        """Ask for sets of `guard`."""
        await self.runtime.ensure("guard", wanted, fence, only_while or {})

    async def until(self, of: InstanceSet, holds: Callable[[Running], bool]) -> Running:
        """Look until a set stands as it should; give what was seen then."""
        return await until(self.runtime, of, holds)

    async def until_ready(self, of: InstanceSet, n: int = 1) -> Running:
        """Look until a set has n instances, and all of them are ready."""
        return await self.until(of, lambda seen: seen.total == seen.ready == n)


async def until(
    runtime: Runtime,
    of: InstanceSet,
    holds: Callable[[Running], bool],
    *,
    within_s: float = _WITHIN_S,
) -> Running:
    """Look at a runtime until a set stands as it should; give what was seen then."""
    seen = NOTHING

    async def does() -> bool:
        nonlocal seen
        seen = (await runtime.look(of.service)).get(of.name, NOTHING)
        return holds(seen)

    try:
        await eventually(does, within_s=within_s)
    except TimeoutError as error:
        raise TimeoutError(f"{of.name} stands at {seen}") from error
    return seen


class RuntimeContract:
    """Give a fixture `world`, a RuntimeWorld."""

    async def test_nothing_runs_before_it_is_wanted(self, world: RuntimeWorld) -> None:
        assert await world.runtime.look("guard") == {}

    async def test_a_wanted_set_becomes_ready_and_says_where_it_answers(
        self, world: RuntimeWorld
    ) -> None:
        await world.ensure({world.first(): 2})
        seen = await world.until_ready(world.first(), 2)
        assert (seen.total, seen.restarts_before_ready, seen.why_not_ready) == (2, 0, "")
        assert len(set(seen.endpoints)) == 2

    async def test_a_set_that_is_wanted_again_and_again_is_started_once(
        self, world: RuntimeWorld
    ) -> None:
        for _ in range(5):
            await world.ensure({world.first(): 1})
        seen = await world.until_ready(world.first())
        await world.ensure({world.first(): 1})
        again = (await world.runtime.look("guard"))[world.first().name]
        assert (again.total, again.ready, again.crashes) == (seen.total, 1, 0) == (1, 1, 0)

    async def test_a_set_grows_and_shrinks_as_it_is_wanted(self, world: RuntimeWorld) -> None:
        for n in (1, 3, 2):
            await world.ensure({world.first(): n})
            seen = await world.until_ready(world.first(), n)
            assert (seen.total, seen.crashes) == (n, 0)

    async def test_what_is_not_named_goes(self, world: RuntimeWorld) -> None:
        await world.ensure({world.first(): 1, world.second(): 1})
        await world.until_ready(world.second())
        await world.ensure({world.second(): 1})
        await world.until_ready(world.first(), 0)
        assert (await world.until_ready(world.second())).total == 1

    async def test_what_is_wanted_no_times_goes(self, world: RuntimeWorld) -> None:
        await world.ensure({world.first(): 1})
        await world.until_ready(world.first())
        for _ in range(2):
            await world.ensure({world.first(): 0})
            await world.until_ready(world.first(), 0)

    async def test_what_is_being_ended_is_not_ready_and_answers_nowhere(
        self, world: RuntimeWorld
    ) -> None:
        await world.ensure({world.first(): 1})
        await world.until_ready(world.first())
        await world.ensure({})
        seen = (await world.runtime.look("guard")).get(world.first().name, NOTHING)
        assert (seen.ready, seen.endpoints) == (0, ())

    async def test_a_twin_is_a_set_of_its_own(self, world: RuntimeWorld) -> None:
        twin = InstanceSet(service="guard", number=17, version=world.sound, twin=True)
        await world.ensure({world.first(): 1, twin: 1})
        await world.until_ready(twin)
        assert (await world.until_ready(world.first())).total == 1

    async def test_services_do_not_touch_each_other(self, world: RuntimeWorld) -> None:
        other = world.first("desk")
        await world.runtime.ensure("desk", {other: 1}, Fence(3, 1), {})
        await world.ensure({world.first(): 1})
        await world.until_ready(world.first())
        await world.ensure({})
        await world.until_ready(world.first(), 0)
        assert (await world.until_ready(other)).total == 1

    @pytest.mark.parametrize(
        "older", [Fence(3, 39), Fence(2, 99)], ids=["older revision", "older epoch"]
    )
    async def test_whoever_comes_with_an_older_fence_changes_nothing(
        self, world: RuntimeWorld, older: Fence
    ) -> None:
        await world.ensure({world.first(): 1})
        with pytest.raises(FencedError, match=r"3\.40"):
            await world.ensure({world.first(): 2, world.second(): 1}, fence=older)
        assert (await world.until_ready(world.first())).total == 1
        assert world.second().name not in await world.runtime.look("guard")

    @pytest.mark.parametrize(
        "newer", [Fence(3, 41), Fence(4, 0)], ids=["newer revision", "newer epoch"]
    )
    async def test_whoever_comes_with_a_newer_fence_is_obeyed(
        self, world: RuntimeWorld, newer: Fence
    ) -> None:
        await world.ensure({world.first(): 1})
        await world.ensure({world.first(): 2}, fence=newer)
        assert (await world.until_ready(world.first(), 2)).total == 2

    async def test_a_claim_shuts_out_the_reign_before(self, world: RuntimeWorld) -> None:
        await world.ensure({world.first(): 1})
        await world.runtime.claim("guard", 4)
        await world.runtime.claim("guard", 4)
        with pytest.raises(FencedError):
            await world.ensure({}, fence=Fence(3, 41))
        with pytest.raises(FencedError):
            await world.runtime.claim("guard", 3)
        assert (await world.until_ready(world.first())).total == 1

    async def test_nothing_is_ended_while_what_replaces_it_is_not_ready(
        self, world: RuntimeWorld
    ) -> None:
        late = InstanceSet(service="guard", number=18, version=world.slow)
        await world.ensure({world.first(): 1})
        await world.until_ready(world.first())
        with pytest.raises(ShrinkRefusedError, match="0 of 1"):
            await world.ensure({late: 1}, only_while={late: 1})
        seen = await world.runtime.look("guard")
        assert (seen[world.first().name].ready, seen[late.name].total) == (1, 1)

    async def test_what_is_replaced_is_ended_once_its_successor_is_ready(
        self, world: RuntimeWorld
    ) -> None:
        successor = world.second()
        await world.ensure({world.first(): 1, successor: 1})
        await world.until_ready(successor)
        await world.ensure({successor: 1}, only_while={successor: 1})
        await world.until_ready(world.first(), 0)

    async def test_growing_needs_nobody_to_be_ready(self, world: RuntimeWorld) -> None:
        await world.ensure({world.first(): 1}, only_while={world.second(): 1})
        assert (await world.until_ready(world.first())).total == 1

    async def test_a_version_that_ends_at_each_start_is_seen_to_loop(
        self, world: RuntimeWorld
    ) -> None:
        broken = InstanceSet(service="guard", number=18, version=world.broken)
        await world.ensure({broken: 1})
        seen = await world.until(broken, lambda seen: seen.loops)
        assert (seen.ready, seen.crashes, seen.last_exit) == (0, 0, "exit 1")
        assert seen.why_not_ready
        assert seen.last_lines

    async def test_a_version_that_is_slow_is_not_taken_for_a_broken_one(
        self, world: RuntimeWorld
    ) -> None:
        slow = InstanceSet(service="guard", number=18, version=world.slow)
        await world.ensure({slow: 1})
        seen = await world.until(slow, lambda seen: bool(seen.why_not_ready))
        assert (seen.total, seen.ready, seen.loops, seen.crashes) == (1, 0, False, 0)

    async def test_an_instance_that_ends_by_itself_is_counted_and_comes_back(
        self, world: RuntimeWorld
    ) -> None:
        await world.ensure({world.first(): 1})
        await world.until_ready(world.first())
        await world.crash(world.first().name)
        await world.until(world.first(), lambda seen: seen.crashes == 1)
        seen = await world.until_ready(world.first())
        assert (seen.total, seen.crashes, seen.restarts_before_ready) == (1, 1, 0)

    async def test_a_new_controller_finds_what_runs_and_what_became_of_it(
        self, world: RuntimeWorld
    ) -> None:
        await world.ensure({world.first(): 2})
        await world.until_ready(world.first(), 2)
        await world.crash(world.first().name)
        await world.until(world.first(), lambda seen: seen.crashes == 1 and seen.ready == 2)
        later = await world.reopened()
        seen = (await later.look("guard"))[world.first().name]
        assert (seen.total, seen.ready, seen.crashes, len(seen.endpoints)) == (2, 2, 1, 2)

    async def test_a_new_controller_obeys_the_fence_of_the_old_one(
        self, world: RuntimeWorld
    ) -> None:
        await world.ensure({world.first(): 1})
        later = await world.reopened()
        with pytest.raises(FencedError):
            await later.ensure("guard", {}, Fence(3, 39), {})
        with pytest.raises(FencedError):
            await later.claim("guard", 2)
