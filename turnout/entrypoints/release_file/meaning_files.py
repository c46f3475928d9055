"""Rules about files that a release file names: they exist, golden rows can be read (T213)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from turnout.entrypoints.release_file.builtkeys import UNBUILT_WORDS
from turnout.entrypoints.release_file.mistakes import Mistake, did_you_mean
from turnout.entrypoints.release_file.nodes import (
    Group,
    Leaf,
    Node,
    Place,
    items_at,
    leaves_at,
    node_at,
    text_at,
)
from turnout.entrypoints.release_file.scene import Scene, ServiceScene, Wrong

MAX_GOLDEN_BYTES = 64 << 20
MAX_ROW_MISTAKES = 20
_ANSWERS = ("label", "expected", "answer")
# Keys that are built and name a file which has to be there; a test compares with the models.
EXISTING_FILES = (
    "artifact.signature.keys.*",
    "run.folder",
    "run.ready.completion",
    "run.config.*",
    "verify.golden.*.file",
    "verify.golden.*.request",
    "warm.requests",
)


def files_exist(service: ServiceScene) -> Iterator[Wrong]:
    """Ask that files which are named exist (T213)."""
    for key in EXISTING_FILES:
        for path, leaf in leaves_at(service.node, key):
            text = leaf.text
            is_name = text and "$" not in text and text not in UNBUILT_WORDS.get(key, ())
            if text and is_name and not _exists(service.scene.folder / text):
                yield Wrong("T213", f"`{text}` does not exist", path)


def golden_rows(scene: Scene) -> Iterator[Mistake]:
    """Ask that golden rows can be read and have allowed labels (T213, placed in that file)."""
    for service in scene.services.values():
        for node in service.group("verify", "golden").entries.values():
            asked = _asked_of(node)
            if asked is not None:
                yield from _row_mistakes(scene, asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    file: str
    labels: tuple[str, ...]
    slices: str | None
    file_place: Place


def _asked_of(node: Node) -> _Asked | None:
    if not isinstance(node, Group):
        return None
    file = node_at(node, ("file",))
    if not isinstance(file, Leaf) or not file.text or "$" in file.text:
        return None
    is_labelled = text_at(node, "scorer") == "label"
    items = items_at(node, "labels") if is_labelled else ()
    labels = tuple(item.text for item in items if isinstance(item, Leaf) and item.text)
    return _Asked(
        file=file.text, labels=labels, slices=text_at(node, "slices"), file_place=file.place
    )


def _row_mistakes(scene: Scene, asked: _Asked) -> Iterator[Mistake]:
    path = scene.folder / asked.file
    lines = _lines_of(path)
    if lines is None:
        return
    name = scene.shown(path)
    if isinstance(lines, str):
        text = f"`{asked.file}` cannot be read: {lines}"
        yield Mistake(code="T213", text=text, place=asked.file_place)
        return
    scene.sources[name] = lines
    found = 0
    for number, line in enumerate(lines, start=1):
        for mistake in _row(line, Place(file=name, line=number, column=1), asked):
            found += 1
            if found <= MAX_ROW_MISTAKES:
                yield mistake
    if not any(line.strip() for line in lines):
        text = f"`{asked.file}` has no rows"
        yield Mistake(code="T213", text=text, place=asked.file_place)


def _lines_of(path: FilePath) -> tuple[str, ...] | str | None:
    """Give the lines; a reason when they cannot be read; None when there is no file."""
    if not _exists(path):
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_GOLDEN_BYTES + 1)
        if len(content) > MAX_GOLDEN_BYTES:
            return f"it has more than {MAX_GOLDEN_BYTES:,} bytes"
        return tuple(content.decode("utf-8").split("\n"))
    except OSError as error:
        return error.strerror or "unknown reason"
    except UnicodeDecodeError:
        return "it is not UTF-8"


def _row(line: str, place: Place, asked: _Asked) -> Iterator[Mistake]:
    if not line.strip():
        return
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not JSON"
        yield _row_mistake(place, f"is not JSON: {reason}")
        return
    if not isinstance(row, dict):
        yield _row_mistake(place, "must be a group of keys")
        return
    yield from _answer(row, line, place, asked.labels)
    if asked.slices and asked.slices not in row:
        yield _row_mistake(place, f"has no `{asked.slices}`, which names its slice")


def _answer(
    row: Mapping[str, object], line: str, place: Place, labels: tuple[str, ...]
) -> Iterator[Mistake]:
    key = next((name for name in _ANSWERS if row.get(name) is not None), None)
    if key is None:
        known = ", ".join(f"`{name}`" for name in _ANSWERS)
        yield _row_mistake(place, f"has none of {known}")
    elif labels and row[key] not in labels:
        yield _unknown_label(key, row[key], line, place, labels)


def _unknown_label(
    key: str, label: object, line: str, place: Place, labels: tuple[str, ...]
) -> Mistake:
    written = re.search(rf'"{key}"\s*:\s*', line)
    return Mistake(
        code="T213",
        text=f"row {place.line}: `{key}` is `{label}`, not one of {', '.join(labels)}",
        place=Place(
            file=place.file,
            line=place.line,
            column=written.end() + 1 if written else place.column,
            length=len(json.dumps(label, ensure_ascii=False)),
        ),
        note=did_you_mean(str(label), labels),
    )


def _row_mistake(place: Place, said: str) -> Mistake:
    return Mistake(code="T213", text=f"row {place.line} {said}", place=place)


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
