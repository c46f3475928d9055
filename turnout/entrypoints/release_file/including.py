"""Reads a release file and what it includes, each with its own places."""

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from pathlib import PurePosixPath

from turnout.entrypoints.release_file.builtkeys import unbuilt
from turnout.entrypoints.release_file.merging import beneath, merged_files
from turnout.entrypoints.release_file.mistakes import Mistake
from turnout.entrypoints.release_file.nodes import Group, Leaf, Place, items_at
from turnout.entrypoints.release_file.positions import MAX_BYTES, read
from turnout.entrypoints.release_file.rebasing import rebased
from turnout.entrypoints.release_file.shape_check import shape_mistakes
from turnout.entrypoints.release_file.short_forms import expanded

MAX_DEPTH = 8
SCHEMA = "1"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(slots=True)
class Gathered:
    """What was read so far: `folder` is what shown names are relative to."""

    folder: FilePath
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def shown(self, path: FilePath) -> str:
        """Give the name under which a file is shown."""
        try:
            return path.relative_to(self.folder).as_posix()
        except ValueError:
            return path.as_posix()


def gather(path: FilePath, gathered: Gathered) -> Group | None:
    """Read a release file with all it includes; None when nothing more can be told of it."""
    start = Place(file=gathered.shown(path), line=1, column=1)
    return _read_file(path, start, (), gathered)


def _read_file(
    path: FilePath, asked_at: Place, around: tuple[FilePath, ...], gathered: Gathered
) -> Group | None:
    root = _tree(path, asked_at, gathered)
    if root is None or not _is_of_this_schema(root, gathered, is_included=bool(around)):
        return None
    long = expanded(root)
    under = _included(root, path, around, gathered)
    gathered.mistakes += shape_mistakes(long, beneath(long, under))
    gathered.mistakes += unbuilt(long)
    return merged_files([under, long])


def _tree(path: FilePath, asked_at: Place, gathered: Gathered) -> Group | None:
    name = gathered.shown(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        gathered.mistakes.append(_no_file(name, error, asked_at))
        return None
    reading = read(content, name)
    gathered.sources[name] = reading.lines
    gathered.mistakes += reading.mistakes
    if isinstance(reading.root, Group):
        return _without_notes(reading.root)
    if reading.root is not None:
        text = "the file must be a group of keys"
        gathered.mistakes.append(Mistake(code="T104", text=text, place=reading.root.place))
    return None


def _without_notes(root: Group) -> Group:
    for key in root.entries:
        if key.startswith("x-"):
            root = root.without(key)
    return root


def _no_file(name: str, error: Exception, place: Place) -> Mistake:
    if isinstance(error, FileNotFoundError):
        fix = "" if place.file != name else "`turnout init` writes a first one"
        return Mistake(code="T213", text=f"`{name}` does not exist", place=place, fix=fix)
    reason = getattr(error, "strerror", None) or str(error)
    return Mistake(code="T213", text=f"`{name}` cannot be read: {reason}", place=place)


def _is_of_this_schema(root: Group, gathered: Gathered, *, is_included: bool) -> bool:
    said = root.entries.get("turnout")
    if isinstance(said, Leaf) and said.text == SCHEMA:
        return True
    if said is None and is_included:
        return True
    if said is None:
        text = "the file does not say its schema version"
        place = Place(file=root.place.file, line=1, column=1)
        fix = "start the file with `turnout: 1`"
    else:
        word = said.text if isinstance(said, Leaf) else None
        written = f"`{word}`" if word else "no version"
        text = f"this program reads schema version 1; the file says {written}"
        place, fix = said.place, "update turnout, or `turnout: 1`"
    gathered.mistakes.append(Mistake(code="T010", text=text, place=place, fix=fix))
    return False


def _included(
    root: Group, path: FilePath, around: tuple[FilePath, ...], gathered: Gathered
) -> Group:
    layers: list[Group] = []
    for item in items_at(root, "include"):
        if not isinstance(item, Leaf) or not item.text:
            continue
        inner = FilePath(_normal(path.parent / item.text))
        refusal = _refusal(item.text, inner, (*around, path), gathered)
        if refusal:
            gathered.mistakes.append(Mistake(code=refusal[0], text=refusal[1], place=item.place))
            continue
        layer = _read_file(inner, item.place, (*around, path), gathered)
        if layer is not None:
            layers.append(_moved(layer.without("include"), item.text))
    return merged_files(layers)


def _moved(layer: Group, text: str) -> Group:
    moved = rebased(layer, PurePosixPath(text).parent)
    return moved if isinstance(moved, Group) else layer


def _normal(path: FilePath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", path.anchor):
            parts.pop()
        else:
            parts.append(part)
    return FilePath(*parts).as_posix()


def _refusal(
    text: str, inner: FilePath, around: tuple[FilePath, ...], gathered: Gathered
) -> tuple[str, str] | None:
    if _URL.match(text):
        return "T213", f"`{text}` is not a file: `include` takes paths"
    if inner in around:
        names = [gathered.shown(path) for path in (*around[around.index(inner) :], inner)]
        return "T210", f"`include` goes round: {' → '.join(names)}"
    if len(around) > MAX_DEPTH:
        return "T210", f"more than {MAX_DEPTH} files include each other"
    return None
