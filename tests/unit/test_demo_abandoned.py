"""A demonstration that was killed is found by its note, and nothing else is touched."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.entrypoints.demo.abandoned import PREFIX, abandoned, end_abandoned, mark, noted


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    place = tmp_path / "notes"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / f"{PREFIX}one"
    place.mkdir(mode=0o700)
    return place


def note(notes: Path, told: str) -> Path:
    place = notes / "one"
    place.write_text(told, encoding="utf-8")
    return place


def dead(notes: Path, root: Path, *, keep: bool = False) -> Path:
    return note(notes, json.dumps({"folder": str(root), "keep": keep}))


@pytest.fixture
def sleeper(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    child = subprocess.Popen(command, env={"TURNOUT_INSTANCE": mark(root)})
    yield child
    child.kill()
    child.wait()


def test_a_demonstration_that_lives_is_not_abandoned(notes: Path, root: Path) -> None:
    with noted(root, keep=False, notes=notes):
        assert [place.name for place in notes.iterdir()] == [root.name]
        assert abandoned(notes) == []


def test_the_note_goes_with_the_folder(notes: Path, root: Path) -> None:
    with noted(root, keep=False, notes=notes):
        root.rmdir()
    assert list(notes.iterdir()) == []


def test_the_note_of_a_folder_that_stays_by_wish_goes_too(notes: Path, root: Path) -> None:
    with noted(root, keep=True, notes=notes):
        pass
    assert list(notes.iterdir()) == []


def test_a_folder_that_could_not_be_taken_away_is_abandoned(notes: Path, root: Path) -> None:
    with noted(root, keep=False, notes=notes):
        pass
    assert [one.root for one in abandoned(notes)] == [root]


def test_without_any_note_nothing_is_abandoned(tmp_path: Path) -> None:
    assert abandoned(tmp_path / "none") == []


@pytest.mark.parametrize("told", ["", "{}", "[]", '{"folder": "FOLDER/gone", "keep": false}'])
def test_a_note_that_names_no_folder_is_taken_away(notes: Path, tmp_path: Path, told: str) -> None:
    note(notes, told.replace("FOLDER", str(tmp_path)))
    assert abandoned(notes) == []
    assert list(notes.iterdir()) == []


def test_a_note_cannot_make_another_folder_be_removed(notes: Path, tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.mkdir(mode=0o700)
    dead(notes, other)
    assert abandoned(notes) == []
    assert other.is_dir()


@pytest.mark.parametrize("open_one", ["notes", "root"])
def test_what_others_can_write_to_is_not_believed(notes: Path, root: Path, open_one: str) -> None:
    dead(notes, root)
    (notes if open_one == "notes" else root).chmod(0o777)
    assert abandoned(notes) == []


def test_ending_ends_what_carries_the_mark_and_removes_the_folder(
    notes: Path, root: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    dead(notes, root)
    [found] = abandoned(notes)
    asyncio.run(end_abandoned(found))
    assert sleeper.wait(5) == -15
    assert not root.exists()
    assert list(notes.iterdir()) == []


def test_ending_leaves_a_folder_that_was_to_stay(notes: Path, root: Path) -> None:
    dead(notes, root, keep=True)
    [found] = abandoned(notes)
    asyncio.run(end_abandoned(found))
    assert root.is_dir()
    assert abandoned(notes) == []


def test_two_folders_have_two_marks(root: Path, tmp_path: Path) -> None:
    assert mark(root) != mark(tmp_path / f"{PREFIX}two")
