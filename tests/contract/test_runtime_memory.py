"""Runtimes in memory keep the contract of the real one, and fail as they are told."""

import pytest

from turnout.application.ports import Runtime
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, RunSpec, Version
from turnout.errors import RuntimeFaultError
from turnout.testing.contracts_runtime import RuntimeContract, RuntimeWorld
from turnout.testing.fake_runtime import MemoryRuntime, WanderingRuntime, build_runtime


def version(name: str) -> Version:
    run = RunSpec(command=("serve",), folder="/")
    return Version(name=name, digest=f"sha256:{name}", artifact_digest=None, run=run)


def world_of(runtime: Runtime, memory: MemoryRuntime) -> RuntimeWorld:
    async def crash(set_name: str) -> None:
        memory.crash(set_name)

    async def reopened() -> Runtime:
        return runtime

    return RuntimeWorld(
        runtime=runtime,
        sound=version("v1"),
        broken=version("v2"),
        slow=version("v3"),
        crash=crash,
        reopened=reopened,
    )


def told() -> MemoryRuntime:
    return MemoryRuntime(broken={"v2"}, slow={"v3"})


class TestMemoryRuntime(RuntimeContract):
    @pytest.fixture
    def world(self) -> RuntimeWorld:
        memory = told()
        return world_of(memory, memory)


class TestWanderingRuntime(RuntimeContract):
    @pytest.fixture
    def world(self) -> RuntimeWorld:
        memory = told()
        return world_of(WanderingRuntime(memory), memory)


FENCE = Fence(1, 1)
SET = InstanceSet(service="guard", number=17, version=version("v1"))


@pytest.mark.parametrize("verb", ["claim", "ensure", "look"])
async def test_a_verb_that_is_told_to_fail_does_so(verb: str) -> None:
    runtime = MemoryRuntime(failing={verb})
    calls = {
        "claim": runtime.claim("guard", 1),
        "ensure": runtime.ensure("guard", {SET: 1}, FENCE, {}),
        "look": runtime.look("guard"),
    }
    for name, call in calls.items():
        if name != verb:
            await call
    with pytest.raises(RuntimeFaultError, match=verb):
        await calls[verb]


async def test_a_set_that_lingers_is_there_until_it_is_let_go() -> None:
    runtime = MemoryRuntime(lingering={SET.name})
    await runtime.ensure("guard", {SET: 1}, FENCE, {})
    await runtime.ensure("guard", {}, FENCE, {})
    assert [(await runtime.look("guard"))[SET.name].total for _ in range(3)] == [1, 1, 1]
    runtime.lingering.clear()
    await runtime.look("guard")
    assert await runtime.look("guard") == {}


async def test_an_unwell_set_fails_one_probe_more_at_each_look() -> None:
    runtime = MemoryRuntime()
    await runtime.ensure("guard", {SET: 1}, FENCE, {})
    assert (await runtime.look("guard"))[SET.name].ready == 1
    runtime.unwell.add(SET.name)
    seen = [(await runtime.look("guard"))[SET.name] for _ in range(3)]
    assert [(one.ready, one.failed_probes) for one in seen] == [(0, 0), (0, 1), (0, 2)]


async def test_a_wandering_set_answers_elsewhere_at_every_look() -> None:
    runtime = WanderingRuntime()
    await runtime.ensure("guard", {SET: 2}, FENCE, {})
    seen = [(await runtime.look("guard"))[SET.name].endpoints for _ in range(3)]
    assert len({endpoint for one in seen for endpoint in one}) == 6


async def test_a_crash_tells_of_its_service() -> None:
    told: list[str] = []
    runtime = MemoryRuntime(on_change=told.append)
    await runtime.ensure("guard", {SET: 1}, FENCE, {})
    runtime.crash(SET.name)
    assert told == ["guard"]


async def test_a_trap_is_called_around_every_effect() -> None:
    steps: list[str] = []
    runtime = MemoryRuntime(trap=steps.append)
    await runtime.ensure("guard", {SET: 1}, FENCE, {})
    assert steps == ["runtime.ensure", "runtime.grew", "runtime.ensured"]


async def test_a_runtime_is_built_from_words_of_the_release_file() -> None:
    runtime = build_runtime({"broken": "v1 v9"})
    await runtime.ensure("guard", {SET: 1}, FENCE, {})
    assert [(await runtime.look("guard"))[SET.name].loops for _ in range(3)] == [False, False, True]
