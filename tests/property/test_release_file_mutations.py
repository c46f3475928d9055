"""Every key and value of the examples, changed: one mistake, at its place, with the way out."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turnout.entrypoints.release_file import Mistake, load
from turnout.entrypoints.release_file.leaves import Unit
from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node, Place, node_at
from turnout.entrypoints.release_file.nodes import Path as Keys
from turnout.entrypoints.release_file.positions import read
from turnout.entrypoints.release_file.shapes import inside, shape_at

FILES = Path(__file__).parents[2] / "examples" / "files"
NAMES = sorted(folder.name for folder in FILES.iterdir())
UNITS = ("duration", "share", "weight", "whole", "count", "truth", "size", "secret", "address")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(FILES, tmp_path_factory.mktemp("examples") / "files")


def tree_of(file: Path) -> Group:
    root = read(file.read_bytes(), file.name).root
    assert isinstance(root, Group)
    return root


def keys_of(node: Node, path: Keys = ()) -> Iterator[tuple[Keys, Place, Node]]:
    match node:
        case Group(entries, keys):
            for name, inner in entries.items():
                if not name.startswith("x-"):
                    yield (*path, name), keys[name], inner
                    yield from keys_of(inner, (*path, name))
        case Items(items):
            for index, item in enumerate(items):
                yield from keys_of(item, (*path, index))
        case _:
            return


def is_a_key_of_the_format(path: Keys) -> bool:
    around = shape_at(path[:-1])
    return around.model is not None and inside(around, path[-1]) is not None


def changed(file: Path, place: Place, word: str) -> tuple[Mistake, ...]:
    lines = file.read_text("utf-8").split("\n")
    line, start = lines[place.line - 1], place.column - 1
    lines[place.line - 1] = line[:start] + word + line[start + place.length :]
    mutant = file.with_name("mutant.yaml")
    mutant.write_text("\n".join(lines), "utf-8")
    return tuple(found for found in load(mutant).mistakes if found.code != "T120")


def misspelt(word: str) -> str:
    return word[:-1] + ("x" if word.endswith("q") else "q") if len(word) > 3 else f"{word}q"


def survivors(
    file: Path,
    changes: list[tuple[Place, str]],
    is_told: Callable[[Mistake, Place], bool],
) -> list[object]:
    """List the changes that are not told by exactly one mistake at their place."""
    bad: list[object] = []
    for place, word in changes:
        found = changed(file, place, word)
        if len(found) != 1 or not is_told(found[0], place):
            bad.append((place.line, place.column, word, [(it.code, it.text) for it in found]))
    return bad


def is_there(mistake: Mistake, place: Place) -> bool:
    return (mistake.place.line, mistake.place.column) == (place.line, place.column)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_key_renamed_by_one_letter_is_one_mistake_with_the_right_suggestion(
    name: str, folder: Path
) -> None:
    file = folder / name / "turnout.yaml"
    keys = {
        place: str(path[-1])
        for path, place, _ in keys_of(tree_of(file))
        if is_a_key_of_the_format(path) and path != ("turnout",)
    }
    words = [(place, misspelt(word)) for place, word in keys.items()]
    assert len(words) > 3
    assert not survivors(
        file,
        words,
        lambda it, place: is_there(it, place) and f"`{keys[place]}`" in it.note,
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_with_a_wrong_unit_is_one_mistake_at_its_place(name: str, folder: Path) -> None:
    file = folder / name / "turnout.yaml"
    values = {
        node.place: "wrong!"
        for path, _, node in keys_of(tree_of(file))
        if isinstance(node, Leaf) and node.text and has_a_unit(path)
    }
    assert not survivors(file, list(values.items()), is_there)


def has_a_unit(path: Keys) -> bool:
    marks = shape_at(path).marks
    return any(isinstance(mark, Unit) and mark.name in UNITS for mark in marks)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_a_wrong_type_is_one_mistake_at_its_place(name: str, folder: Path) -> None:
    file = folder / name / "turnout.yaml"
    values = {
        node.place: "{zz: 1}"
        for path, _, node in keys_of(tree_of(file))
        if isinstance(node, Leaf) and node.text and is_a_leaf(path)
    }
    assert not survivors(file, list(values.items()), is_there)


def is_a_leaf(path: Keys) -> bool:
    shape = shape_at(path)
    known = inside(shape_at(path[:-1]), path[-1]) is not None
    return known and shape.model is None and shape.entry is None and path != ("turnout",)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_left_out_is_one_mistake_at_its_key(name: str, folder: Path) -> None:
    file = folder / name / "turnout.yaml"
    tree = tree_of(file)
    left_out = {
        node.place: place
        for path, place, node in keys_of(tree)
        if isinstance(node, Leaf) and node.text and is_needed(path, tree)
    }
    assert not survivors(
        file, [(place, "") for place in left_out], lambda it, place: is_there(it, left_out[place])
    )


def is_needed(path: Keys, tree: Group) -> bool:
    # An override that is empty removes; a choice or name that is empty has its defaults.
    is_inherited = path[0] == "services" and node_at(tree, ("defaults", *path[2:])) is not None
    is_override = is_inherited or (path[0] == "environments" and len(path) > 3)
    return path != ("turnout",) and not is_override
