"""What every store has to pass when releases are asked for; part of `StoreContract`."""

from dataclasses import replace

import pytest

from turnout.application.store import Store
from turnout.domain.catalogue import Status
from turnout.domain.release import Outcome, Phase, Verb
from turnout.domain.service import Request
from turnout.errors import (
    ActiveReleaseError,
    QuarantinedError,
    RefusedError,
)
from turnout.testing.contracts_store_steps import (
    actions,
    check_promises,
    move,
    promote,
    started,
    the_service,
)
from turnout.testing.world import START_S, a_request, a_version


class WishesContract:
    """Requests, quarantine and catalogue; give a fixture `store` as for `StoreContract`."""

    # --- requests

    async def test_a_first_request_starts_a_release(self, store: Store) -> None:
        asked = await store.requests.add(a_request())
        assert asked.state == "started"
        assert asked.release is not None
        assert (asked.release.id, asked.release.phase) == ("shop-1", Phase.PREPARING)
        assert (await the_service(store)).active == "shop-1"
        assert await store.releases.due(START_S) == ["shop-1"]
        await check_promises(store)

    async def test_a_release_is_loaded_as_it_was_begun(self, store: Store) -> None:
        release = await started(store)
        assert await store.journal.releases("shop") == [release]
        loaded = await store.releases.load(release.id)
        assert (loaded.release, loaded.commands) == (release, ())

    async def test_the_same_key_is_answered_with_the_same_release(self, store: Store) -> None:
        first, again = [await store.requests.add(a_request()) for _ in range(2)]
        assert again == first
        assert len(await store.journal.releases(None)) == 1
        await check_promises(store)

    async def test_a_key_is_not_taken_for_another_request(self, store: Store) -> None:
        await store.requests.add(a_request())
        with pytest.raises(RefusedError, match="another request"):
            await store.requests.add(a_request("v2"))

    async def test_the_stable_versions_own_digest_has_nothing_to_do(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        asked = await store.requests.add(a_request(key="k2"))
        again = await store.requests.add(a_request(key="k2"))
        assert asked.state == again.state == "nothing_to_do"
        assert len(await store.journal.releases(None)) == 1

    async def test_a_service_that_is_down_takes_its_stable_version_again(
        self, store: Store
    ) -> None:
        await promote(store, (await started(store)).id)
        await store.requests.set_down("shop", is_down=True, by="local:ana")
        assert (await store.requests.add(a_request(key="k2"))).state == "started"
        await check_promises(store)

    async def test_a_second_request_by_hand_is_refused_with_the_ways_out(
        self, store: Store
    ) -> None:
        await started(store)
        with pytest.raises(ActiveReleaseError) as refusal:
            await store.requests.add(a_request("v2", key="k2"))
        text = str(refusal.value)
        assert "shop-1 is under way: v1" in text
        assert "asked for by local:dev" in text
        assert "2023-11-14T22:13:20" in text
        for way in ("shop v2 --after`", "shop v2 --replace`", "turnout abort shop-1`"):
            assert way in text
        await check_promises(store)

    @pytest.mark.parametrize(
        "request_2",
        [
            replace(a_request("v2", key="k2"), queue=True),
            replace(a_request("v2", key="k2"), human=False, by="trigger:git"),
        ],
        ids=["with --after", "from a trigger"],
    )
    async def test_a_queued_request_starts_when_the_release_has_ended(
        self, store: Store, request_2: Request
    ) -> None:
        await started(store)
        asked = await store.requests.add(request_2)
        assert (asked.state, asked.queued_behind) == ("queued", "shop-1")
        assert (await store.releases.load("shop-1")).commands == ()
        await promote(store, "shop-1")
        second = (await store.releases.load("shop-2")).release
        assert (second.candidate.name, second.asked_by) == ("v2", request_2.by)
        assert second.stable is not None
        assert (await store.requests.add(request_2)).release == second
        assert "shop-2" in await store.releases.due(START_S)
        await check_promises(store)

    async def test_of_queued_requests_the_newest_wins(self, store: Store) -> None:
        await started(store)
        for name in ("v2", "v3"):
            await store.requests.add(replace(a_request(name, key=name), queue=True))
        await promote(store, "shop-1")
        assert (await store.releases.load("shop-2")).release.candidate.name == "v3"
        await promote(store, "shop-2")
        assert (await the_service(store)).active is None
        assert "request.superseded" in await actions(store)

    async def test_a_queued_request_for_what_became_stable_starts_nothing(
        self, store: Store
    ) -> None:
        await started(store)
        await store.requests.add(replace(a_request("v1", key="k2"), queue=True))
        await promote(store, "shop-1")
        assert (await the_service(store)).active is None
        await check_promises(store)

    async def test_a_queued_request_for_what_was_rolled_back_starts_nothing(
        self, store: Store
    ) -> None:
        await started(store)
        await store.requests.add(replace(a_request("v1", key="k2"), queue=True))
        await move(store, "shop-1", Phase.ROLLED_BACK, outcome=Outcome.WORSE)
        assert (await the_service(store)).active is None
        assert "request.refused" in await actions(store)

    async def test_a_person_ends_a_bake_with_the_next_release(self, store: Store) -> None:
        await started(store)
        await move(store, "shop-1", Phase.BAKING, outcome=Outcome.PROMOTED)
        asked = await store.requests.add(a_request("v2", key="k2"))
        assert (asked.state, asked.queued_behind) == ("queued", "shop-1")
        commands = (await store.releases.load("shop-1")).commands
        assert [command.verb for command in commands] == [Verb.FINISH_BAKE]

    async def test_a_trigger_waits_until_a_bake_is_over(self, store: Store) -> None:
        await started(store)
        await move(store, "shop-1", Phase.BAKING, outcome=Outcome.PROMOTED)
        asked = await store.requests.add(replace(a_request("v2", key="k2"), human=False))
        assert asked.state == "queued"
        assert (await store.releases.load("shop-1")).commands == ()

    async def test_a_replacing_request_supersedes_and_waits(self, store: Store) -> None:
        await started(store)
        asked = await store.requests.add(replace(a_request("v2", key="k2"), replace=True))
        assert asked.state == "queued"
        commands = (await store.releases.load("shop-1")).commands
        assert [command.verb for command in commands] == [Verb.SUPERSEDE]
        await check_promises(store)

    async def test_it_is_too_late_to_replace_a_release_that_promotes(self, store: Store) -> None:
        await started(store)
        await move(store, "shop-1", Phase.PROMOTING)
        with pytest.raises(ActiveReleaseError):
            await store.requests.add(replace(a_request("v2", key="k2"), replace=True))

    async def test_services_do_not_stand_in_each_others_way(self, store: Store) -> None:
        await started(store)
        other = await started(store, a_request(key="k2", service="desk"))
        assert other.id == "desk-1"
        await check_promises(store)

    async def test_a_service_is_released_in_one_environment(self, store: Store) -> None:
        await started(store)
        request = replace(a_request("v2", key="k2"), environment="production", queue=True)
        with pytest.raises(RefusedError, match="environment local"):
            await store.requests.add(request)

    # --- quarantine and catalogue

    @pytest.mark.parametrize("outcome", [Outcome.WORSE, Outcome.LIMIT, Outcome.BREAKAGE])
    async def test_what_the_machine_rolled_back_is_not_released_again(
        self, store: Store, outcome: Outcome
    ) -> None:
        await started(store)
        await move(store, "shop-1", Phase.ROLLED_BACK, outcome=outcome)
        with pytest.raises(QuarantinedError, match="release-quarantine shop v1"):
            await store.requests.add(a_request(key="k2"))
        [bar] = await store.journal.bars("shop")
        assert (bar.digest, bar.release) == ("sha256:v1", "shop-1")
        await check_promises(store)

    async def test_a_person_with_the_right_lifts_quarantine_by_releasing(
        self, store: Store
    ) -> None:
        await started(store)
        await move(store, "shop-1", Phase.ROLLED_BACK, outcome=Outcome.WORSE)
        request = replace(a_request(key="k2"), lifts_quarantine=True, reason="it was the disk")
        assert (await store.requests.add(request)).state == "started"
        assert await store.journal.bars(None) == []
        assert "quarantine.lifted" in await actions(store)
        await check_promises(store)

    async def test_a_version_is_barred_and_lifted_by_hand(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        for _ in range(2):
            await store.requests.bar("shop", "sha256:v1", by="local:ana", why="leaks")
        assert [bar.why for bar in await store.journal.bars("shop")] == ["leaks"]
        await check_promises(store)
        for _ in range(2):
            await store.requests.lift("shop", "sha256:v1", by="local:ana", why="mended")
        assert await store.journal.bars("shop") == []
        await check_promises(store)

    async def test_only_a_known_version_is_barred(self, store: Store) -> None:
        with pytest.raises(RefusedError, match="no version sha256:v9"):
            await store.requests.bar("shop", "sha256:v9", by="local:ana", why="leaks")

    async def test_an_abort_bars_nothing(self, store: Store) -> None:
        await started(store)
        await move(store, "shop-1", Phase.ROLLED_BACK, outcome=Outcome.ABORTED)
        assert (await store.requests.add(a_request(key="k2"))).state == "started"

    async def test_a_trigger_does_not_ask_again_for_what_failed(self, store: Store) -> None:
        await started(store)
        await move(store, "shop-1", Phase.ROLLED_BACK, outcome=Outcome.CRASHED)
        with pytest.raises(RefusedError, match="failed in shop-1"):
            await store.requests.add(replace(a_request(key="k2"), human=False))
        assert (await store.requests.add(a_request(key="k3"))).state == "started"

    async def test_the_catalogue_follows_promotions(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        await promote(store, (await started(store, a_request("v2", key="k2"))).id)
        found = {row.version.name: row for row in await store.journal.versions("shop")}
        assert [row.status for row in found.values()] == [Status.SUPERSEDED, Status.STABLE]
        assert found["v2"].version == a_version("v2")
        assert await store.journal.versions("desk") == []

    async def test_the_catalogue_takes_a_promotion_back(self, store: Store) -> None:
        await promote(store, (await started(store)).id)
        await started(store, a_request("v2", key="k2"))
        way = (Phase.BAKING, Phase.ROLLING_BACK, Phase.ROLLED_BACK)
        await move(store, "shop-2", *way, outcome=Outcome.WORSE)
        found = {row.version.name: row.status for row in await store.journal.versions(None)}
        assert found == {"v1": Status.STABLE, "v2": Status.FAILED}
        stable = (await the_service(store)).stable
        assert stable is not None
        assert stable.version.name == "v1"
        await check_promises(store)
