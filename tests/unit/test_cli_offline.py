"""Commands where no controller runs: they look at the store, at files, and start nothing."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.unit.api_stage import FILE, run_program
from turnout.adapters.sqlite.store import SqliteStore, open_store
from turnout.application.desk import Order
from turnout.application.ports import Change
from turnout.bootstrap import recorded, settle_alone
from turnout.bootstrap_folder import Folder
from turnout.domain.decision import decision_of
from turnout.domain.release import Outcome, Phase, Release, Seen, Verb, enter
from turnout.domain.service import Request
from turnout.testing.world import START_S, a_plan, a_version


@dataclass(frozen=True, slots=True)
class Past:
    """A folder in which something happened."""

    folder: Folder

    def keep(self, work: Callable[[SqliteStore], Coroutine[object, object, None]]) -> None:
        """Write something into the store."""
        store = open_store(self.folder.database, now_s=lambda: START_S)
        try:
            asyncio.run(work(store))
        finally:
            store.close()

    def log(self, name: str, *lines: str) -> None:
        """Let an instance have written."""
        path = self.folder.logs / f"{name}.log"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    (tmp_path / "turnout.yaml").write_text(FILE, encoding="utf-8")
    folder = Folder(tmp_path / ".turnout")
    folder.make()
    past = Past(folder)
    past.keep(two_releases)
    return past


async def two_releases(store: SqliteStore) -> None:
    """Let v1 be stable, and v2 be watched."""
    epoch = await store.lease.ensure("test")
    await store.requests.add(wish("v1"))
    await move(store, epoch, Phase.BAKING, "promoted", Outcome.PROMOTED)
    await move(store, epoch, Phase.PROMOTED, "retired", Outcome.PROMOTED)
    await store.requests.add(wish("v2"))
    await move(store, epoch, Phase.WATCHING, "watching", None)


def wish(name: str) -> Request:
    return Request(
        key=name,
        service="shop",
        project="shop",
        environment="local",
        version=a_version(name),
        plan=a_plan(),
        by="local:dev",
        reason="weekly",
        at_s=START_S,
    )


async def move(
    store: SqliteStore, epoch: int, phase: Phase, code: str, outcome: Outcome | None
) -> Release:
    old = (await store.journal.releases("shop"))[0]
    new = replace(enter(old, phase), edition=old.edition + 1, outcome=outcome, wall_s=START_S + 60)
    told = decision_of(old, new, Seen(), code=code, by="turnout")
    await store.releases.save(epoch, Change(release=new, decision=told))
    return new


def test_status_reads_the_store_and_says_that_nobody_runs(past: Past) -> None:
    done = run_program("status")
    assert done.exit_code == 0
    assert "no controller is running" in done.stderr
    assert "shop-2" in done.stdout
    assert not past.folder.socket.exists()


def test_status_of_one_release_is_shown_from_the_store(past: Past) -> None:
    text = run_program("status", "shop-1").stdout
    assert "promoted, promoted" in text
    assert "local:dev: weekly" in text
    assert past.folder.database.exists()


def test_status_of_an_unknown_name_names_the_services(past: Past) -> None:
    done = run_program("status", "shap")
    assert done.exit_code == 2
    assert "services: shop" in str(done.exception)
    assert past.folder.database.exists()


def test_status_for_machines_keeps_its_fields_without_a_controller(past: Past) -> None:
    told = json.loads(run_program("status", "--json").stdout)
    [service] = told["services"]
    assert (service["stable"]["version"], service["release"]["phase"]) == ("v1", "watching")
    assert service["release"]["step"] == 1
    assert past.folder.database.exists()


def test_explain_renders_sentences_without_a_controller(past: Past) -> None:
    text = run_program("explain", "shop-1").stdout
    assert text.startswith("shop-1  - -> v1  local  PROMOTED after 1 min")
    assert "v1 is stable" in text
    assert past.folder.database.exists()


def test_explain_of_a_service_tells_its_newest_release(past: Past) -> None:
    assert run_program("explain", "shop").stdout.startswith("shop-2  v1 -> v2")
    assert past.folder.database.exists()


def test_explain_of_an_unknown_release_names_where_to_look(past: Past) -> None:
    done = run_program("explain", "shop-9")
    assert done.exit_code == 2
    assert "turnout history" in str(done.exception)
    assert past.folder.database.exists()


def test_history_lists_the_newest_first(past: Past) -> None:
    head, first, second = run_program("history").stdout.splitlines()
    assert head.split()[0] == "RELEASE"
    assert (first.split()[:3], second.split()[:3]) == (
        ["shop-2", "v2", "watching"],
        ["shop-1", "v1", "promoted"],
    )
    assert past.folder.database.exists()


def test_history_is_given_to_tables(past: Past) -> None:
    lines = run_program("history", "shop", "--format", "csv").stdout.splitlines()
    assert lines[1].startswith("shop-2,v2,watching,")
    assert past.folder.database.exists()


def test_history_of_another_service_is_empty(past: Past) -> None:
    assert run_program("history", "none").stdout == "no release yet\n"
    assert past.folder.database.exists()


def test_the_catalogue_shows_what_each_version_became(past: Past) -> None:
    rows = [line.split()[:3] for line in run_program("versions").stdout.splitlines()[1:]]
    assert rows == [["shop", "v1", "stable"], ["shop", "v2", "candidate"]]
    assert past.folder.database.exists()


def test_a_record_is_read_with_its_decisions(past: Past) -> None:
    release, decisions = asyncio.run(recorded(past.folder, "shop-1"))
    assert (release.id, [decision.code for decision in decisions]) == (
        "shop-1",
        ["promoted", "retired"],
    )


def test_without_a_controller_everything_is_told_to_end_later(past: Past) -> None:
    order = Order(by="local:dev", key="down-1")
    assert asyncio.run(settle_alone(past.folder, order)) == ["shop-2"]
    asyncio.run(settle_alone(past.folder, order))  # may be repeated

    async def look(store: SqliteStore) -> None:
        [service] = await store.journal.services()
        loaded = await store.releases.load("shop-2")
        assert service.is_down
        assert [command.verb for command in loaded.commands] == [Verb.ABORT]

    past.keep(look)


def test_down_works_without_a_controller(past: Past) -> None:
    done = run_program("down", "--yes")
    assert done.exit_code == 0
    assert "no controller could undo shop-2" in done.stderr
    assert "down" not in run_program("history").stdout
    assert past.folder.database.exists()


def test_stopping_a_controller_that_does_not_run_says_so(past: Past) -> None:
    assert run_program("serve", "--stop").stdout == "no controller runs\n"
    assert past.folder.database.exists()


def test_an_address_to_listen_on_is_not_built_yet(past: Past) -> None:
    done = run_program("serve", "--listen", "127.0.0.1:7070")
    assert done.exit_code == 2
    assert "not built yet" in str(done.exception)
    assert past.folder.database.exists()


# --- logs


def test_both_versions_are_shown_with_their_marks(past: Past) -> None:
    past.log("shop-r1", "one")
    past.log("shop-r2", "two")
    assert run_program("logs", "shop").stdout == "shop-r1 | one\nshop-r2 | two\n"


def test_logs_of_a_release_are_those_of_its_set(past: Past) -> None:
    past.log("shop-r1", "one")
    past.log("shop-r2", "two")
    past.log("shop-r2-2", "three")
    assert run_program("logs", "shop-2").stdout == "shop-r2 | two\nshop-r2-2 | three\n"


def test_logs_of_a_version_are_found_by_its_releases(past: Past) -> None:
    past.log("shop-r1", "one")
    past.log("shop-r2", "two")
    assert run_program("logs", "--version", "v1").stdout == "shop-r1 | one\n"


def test_only_the_last_lines_are_shown(past: Past) -> None:
    past.log("shop-r1", "one", "two", "three")
    assert run_program("logs", "--lines", "2").stdout == "shop-r1 | two\nshop-r1 | three\n"


def test_what_an_instance_wrote_does_not_act_on_the_terminal(past: Past) -> None:
    past.log("shop-r1", "\x1b[2Jgone")
    assert run_program("logs").stdout == "shop-r1 | ?[2Jgone\n"


def test_logs_for_machines_are_json_lines(past: Past) -> None:
    past.log("shop-r1", "one")
    told = json.loads(run_program("logs", "--json").stdout)
    assert told == {"turnout": 1, "kind": "log", "instance": "shop-r1", "line": "one"}


def test_the_controller_has_a_log_of_its_own(past: Past) -> None:
    past.folder.log.write_text('{"event": "controller_started"}\n', encoding="utf-8")
    assert "controller_started" in run_program("logs", "--controller").stdout


def test_logs_of_what_never_wrote_are_bad_input(past: Past) -> None:
    assert run_program("logs", "none").exit_code == 2
    assert past.folder.database.exists()
