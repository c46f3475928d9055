"""What every store has to pass: subclass the suite and give a fixture `store`."""

from dataclasses import replace

import pytest

from turnout.application.ports import Change, EvidenceState
from turnout.application.store import Store
from turnout.domain.release import Outcome, Pause, Phase, Verb
from turnout.domain.service import Service
from turnout.errors import (
    RefusedError,
    StaleSaveError,
    UnknownReleaseError,
)
from turnout.testing.contracts_store_steps import (
    a_change,
    actions,
    an_order,
    check_promises,
    move,
    promote,
    started,
    the_service,
)
from turnout.testing.contracts_store_wishes import WishesContract
from turnout.testing.world import START_S, a_plan, a_request, a_version


class StoreContract(WishesContract):
    """Give a fixture `store` that is empty and whose clock stands at `START_S`."""

    # --- saves

    async def test_a_save_is_loaded_with_all_its_fields(self, store: Store) -> None:
        release = await started(store, replace(a_request(), plan=a_plan(replicas=3)))
        saved = replace(
            release,
            phase=Phase.WATCHING,
            step=1,
            paused=Pause(code="paused.person", by="local:ana", why="lunch", since_s=START_S),
            after=Phase.SHIFTING,
            spent_s=1.25,
            edition=1,
        ).with_arm(n=2, weight_bp=5000, crashes_before=1)
        await store.releases.save(0, Change(release=saved, due_s=START_S))
        assert (await store.releases.load(release.id)).release == saved
        await check_promises(store)

    async def test_a_save_from_an_older_edition_is_refused(self, store: Store) -> None:
        release = await started(store)
        await store.releases.save(0, a_change(release, Phase.STARTING))
        with pytest.raises(StaleSaveError, match="edition 1, not 0"):
            await store.releases.save(0, a_change(release, Phase.ROLLING_BACK))
        assert (await store.releases.load(release.id)).release.phase is Phase.STARTING
        await check_promises(store)

    async def test_a_save_under_an_older_epoch_is_refused(self, store: Store) -> None:
        release = await started(store)
        assert [await store.lease.ensure(holder) for holder in ("a", "b")] == [1, 2]
        with pytest.raises(StaleSaveError, match="epoch 1 is over, 2 reigns"):
            await store.releases.save(1, a_change(release, Phase.STARTING))
        await store.releases.save(2, a_change(release, Phase.STARTING))
        await check_promises(store)

    async def test_nothing_is_saved_of_a_release_that_has_ended(self, store: Store) -> None:
        ended = await promote(store, (await started(store)).id)
        with pytest.raises(StaleSaveError, match="has ended"):
            await store.releases.save(0, a_change(ended, Phase.WATCHING))

    async def test_an_unknown_release_is_neither_loaded_nor_saved(self, store: Store) -> None:
        release = replace(await started(store), id="shop-9")
        with pytest.raises(UnknownReleaseError, match="'shop-9'"):
            await store.releases.load("shop-9")
        with pytest.raises(UnknownReleaseError):
            await store.releases.save(0, a_change(release, Phase.STARTING))

    async def test_the_service_follows_the_row(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        await started(store, a_request("v2", key="k2"))
        baking = await move(store, "shop-2", Phase.BAKING, outcome=Outcome.PROMOTED)
        service = await the_service(store)
        assert service.stable == baking.arm.set
        assert (service.active, service.last) == ("shop-2", "shop-2")
        assert service.previous == a_version("v1")
        assert service.revision == baking.revision
        await promote(store, "shop-2")
        assert (await the_service(store)).active is None

    async def test_decisions_are_read_in_order(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        decisions = await store.journal.decisions("shop-1")
        assert [d.code for d in decisions] == ["to.baking", "to.retiring", "to.promoted"]
        assert [d.edition for d in decisions] == [1, 2, 3]
        assert await store.journal.decisions("shop-9") == ()

    async def test_progress_alone_is_saved_and_not_told(self, store: Store) -> None:
        release = await started(store)
        before = await actions(store)
        for edition in (1, 2):
            ticked = replace(release, spent_s=edition * 1.5, edition=edition, wall_s=START_S + 9)
            await store.releases.save(0, Change(release=ticked, due_s=START_S))
        assert (await store.releases.load("shop-1")).release.spent_s == 3.0
        assert await actions(store) == before
        await check_promises(store)

    # --- due times

    async def test_a_release_is_due_when_its_time_has_come(self, store: Store) -> None:
        await started(store)
        await store.releases.snooze("shop-1", START_S + 10.0)
        assert await store.releases.due(START_S + 9.9) == []
        assert await store.releases.due(START_S + 10.0) == ["shop-1"]

    async def test_a_time_far_ahead_is_due_after_a_jump_of_the_clock(self, store: Store) -> None:
        await started(store)
        await store.releases.snooze("shop-1", START_S + 120.0)
        assert await store.releases.due(START_S) == []
        assert await store.releases.due(START_S - 1.0) == ["shop-1"]

    async def test_the_longest_due_comes_first(self, store: Store) -> None:
        for number, service in enumerate(("shop", "desk", "till")):
            await started(store, a_request(key=service, service=service))
            await store.releases.snooze(f"{service}-1", START_S - number)
        assert await store.releases.due(START_S) == ["till-1", "desk-1", "shop-1"]

    async def test_a_release_that_has_ended_is_never_due(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        await store.releases.snooze("shop-1", START_S)
        assert await store.releases.due(START_S + 1000.0) == []

    # --- commands

    async def test_a_command_is_loaded_with_its_release_at_once(self, store: Store) -> None:
        await started(store)
        await store.releases.snooze("shop-1", START_S + 60.0)
        await store.requests.command("shop-1", an_order(Verb.PAUSE), "c1")
        [command] = (await store.releases.load("shop-1")).commands
        assert replace(command, id=0) == an_order(Verb.PAUSE)
        assert await store.releases.due(START_S) == ["shop-1"]
        assert "command.pause" in await actions(store)

    async def test_a_save_takes_the_commands_that_it_saw(self, store: Store) -> None:
        release = await started(store)
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.ABORT):
            await store.requests.command("shop-1", an_order(verb), f"c-{verb}")
        await store.releases.save(0, a_change(release, Phase.STARTING, taken=2))
        left = (await store.releases.load("shop-1")).commands
        assert [command.verb for command in left] == [Verb.ABORT]

    async def test_a_command_may_be_repeated_by_its_key(self, store: Store) -> None:
        release = await started(store)
        await store.requests.command("shop-1", an_order(Verb.PAUSE), "c1")
        await store.releases.save(0, a_change(release, Phase.STARTING, taken=1))
        await store.requests.command("shop-1", an_order(Verb.PAUSE), "c1")
        assert (await store.releases.load("shop-1")).commands == ()
        with pytest.raises(RefusedError, match="another command"):
            await store.requests.command("shop-1", an_order(Verb.ABORT), "c1")

    async def test_a_release_that_has_ended_takes_no_commands(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        with pytest.raises(RefusedError, match="has ended as promoted"):
            await store.requests.command("shop-1", an_order(Verb.ABORT), "c1")
        with pytest.raises(UnknownReleaseError):
            await store.requests.command("shop-9", an_order(Verb.ABORT), "c2")

    # --- services, evidence

    async def test_a_service_is_declared_once_and_again(self, store: Store) -> None:
        service = Service(name="shop", project="shop", environment="local")
        assert await store.requests.put_service(service) == service
        await promote(store, (await started(store)).id)
        again = await store.requests.put_service(service)
        assert again == await the_service(store)
        assert again.last == "shop-1"
        assert (await actions(store)).count("service.declared") == 1
        await check_promises(store)

    async def test_a_service_goes_down_and_up(self, store: Store) -> None:
        await started(store)
        for is_down in (True, True, False):
            await store.requests.set_down("shop", is_down=is_down, by="local:ana")
            assert (await the_service(store)).is_down is is_down
        told = [action for action in await actions(store) if action.startswith("service.")]
        assert told == ["service.declared", "service.down", "service.up"]
        await check_promises(store)
        with pytest.raises(RefusedError, match="'desk'"):
            await store.requests.set_down("desk", is_down=True, by="local:ana")

    async def test_a_judge_is_loaded_as_it_was_laid_to_rest(self, store: Store) -> None:
        await started(store)
        assert await store.evidence.load("shop-1") is None
        for cursor, windows in (("a:1", ("w1", "w2")), (None, ()), ("a:9", ("w3",))):
            state = EvidenceState(body=f'{{"at":"{cursor}"}}', cursor=cursor, windows=windows)
            await store.evidence.save(0, "shop-1", state)
            assert await store.evidence.load("shop-1") == replace(state, windows=())
        assert await store.journal.windows("shop-1") == ("w1", "w2", "w3")

    async def test_windows_of_a_repeated_save_are_kept_once(self, store: Store) -> None:
        await started(store)
        for windows in (("w1", "w2"), ("w1", "w2"), ("w2", "w3"), (), ("w3", "w4")):
            state = EvidenceState(body="{}", cursor=None, windows=windows)
            await store.evidence.save(0, "shop-1", state)
        assert await store.journal.windows("shop-1") == ("w1", "w2", "w3", "w4")

    async def test_evidence_is_guarded_by_epoch_and_release(self, store: Store) -> None:
        await started(store)
        state = EvidenceState(body="{}", cursor="a:1", windows=("w1",))
        with pytest.raises(UnknownReleaseError):
            await store.evidence.save(0, "shop-9", state)
        await store.lease.ensure("a")
        with pytest.raises(StaleSaveError):
            await store.evidence.save(0, "shop-1", state)
        assert await store.journal.windows("shop-1") == ()

    # --- the trail

    async def test_the_trail_is_read_from_any_record_on(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        everything = await store.journal.audit(0, 100)
        assert [record.seq for record in everything] == list(range(1, len(everything) + 1))
        assert list(await store.journal.audit(2, 2)) == list(everything[2:4])
        assert await store.journal.audit(len(everything), 10) == []
        assert (await store.journal.verify()).records == len(everything)

    async def test_the_trail_tells_who_asked_and_what_was_decided(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        records = await store.journal.audit(0, 100)
        assert [(r.entry.by, r.entry.action) for r in records] == [
            ("turnout", "service.declared"),
            ("local:dev", "release.started"),
            ("turnout", "to.baking"),
            ("turnout", "to.retiring"),
            ("turnout", "to.promoted"),
        ]
        assert records[2].entry.before["phase"] == "preparing"
        assert records[2].entry.after["phase"] == "baking"
