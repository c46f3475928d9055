"""Shapes of a file against the models: T101 to T106, each at its place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from turnout.entrypoints.release_file.builtkeys import service_depth, shown
from turnout.entrypoints.release_file.mistakes import Mistake, did_you_mean
from turnout.entrypoints.release_file.nodes import (
    Group,
    Items,
    Leaf,
    Node,
    Path,
    Place,
    node_at,
    place_at,
    plain,
)
from turnout.entrypoints.release_file.schema_file import ReleaseFile
from turnout.entrypoints.release_file.shapes import UNKNOWN, shape_at

_KEY = "[key]"
_WANTED: Mapping[str, str] = {
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "dict_type": "a group of keys",
    "list_type": "a list",
    "string_type": "a text",
    "text_type": "a text",
}
_OVERRIDE_DEPTH = 3


def checked(root: Group) -> tuple[ReleaseFile | None, list[Mistake]]:
    """Read a whole file through the models; every mistake has its place in the tree."""
    try:
        return ReleaseFile.model_validate(plain(root)), []
    except ValidationError as error:
        return None, _mistakes_of(error, root)


def shape_mistakes(root: Group, inherited: Group) -> list[Mistake]:
    """Check one file by itself; what it lacks may come from another one it is merged with."""
    _, found = checked(root)
    kept = [mistake for mistake in found if mistake.code != "T102"]
    return [*_empties(root, (), inherited), *kept]


def _mistakes_of(error: ValidationError, root: Group) -> list[Mistake]:
    found: dict[Path, Mistake] = {}
    for item in error.errors(include_url=False):
        path: Path = item["loc"]
        node = node_at(root, path)
        # A key without a value is one mistake (T106), whatever its type would have been.
        if not _is_empty(node) or item["type"] == "extra_forbidden":
            told = _mistake(item, path, root)
            found.setdefault(path, replace(told, field=shown(path)))
    misspelt = [(path[:-1], it.note) for path, it in found.items() if it.code == "T101"]

    def is_suggested(path: Path, mistake: Mistake) -> bool:
        # A misspelt key is not also a missing one.
        return mistake.code == "T102" and any(
            parent == path[:-1] and f"`{path[-1]}`" in note for parent, note in misspelt
        )

    return [item for path, item in found.items() if not is_suggested(path, item)]


def _mistake(item: ErrorDetails, path: Path, root: Group) -> Mistake:
    kind = item["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, root)
    if kind == "missing":
        return Mistake(
            code="T102",
            text=f"`{_dotted(path[:-1])}` needs `{path[-1]}`",
            place=place_at(root, path[:-1], of_key=True),
            note=f"`{path[-1]}` is missing",
        )
    if kind == "literal_error" and isinstance(item["input"], str):
        return _unknown_word(path, item["input"], shape_at(path).words, root)
    return _bad_value(item, path, root)


def _unknown_key(path: Path, root: Group) -> Mistake:
    model = shape_at(path[:-1]).model
    known = sorted(model.model_fields) if model else []
    return Mistake(
        code="T101",
        text=f"`{_dotted(path[:-1])}` has no key `{path[-1]}`",
        place=place_at(root, path, of_key=True),
        note=did_you_mean(str(path[-1]), known) or f"known here: {', '.join(known)}",
    )


def _unknown_word(path: Path, word: str, known: tuple[str, ...], root: Group) -> Mistake:
    return Mistake(
        code="T103",
        text=f"`{word}` is not a value of `{_last_name(path)}`",
        place=place_at(root, path),
        note=did_you_mean(word, known),
        fix=f"one of: {', '.join(known)}",
    )


def _bad_value(item: ErrorDetails, path: Path, root: Group) -> Mistake:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "no_choice":
        text = f"`{_dotted(path)}` needs one of {context.get('known')}"
        return Mistake(code="T102", text=text, place=place_at(root, path, of_key=True))
    choice, word = shape_at(path).choice, item["input"]
    if kind == "model_type" and choice is not None and isinstance(word, str):
        return _unknown_word(path, word, choice.kinds, root)
    if kind in _WANTED or kind == "literal_error":
        wanted = _WANTED.get(kind, "a text")
        text = f"`{_dotted(path)}` must be {wanted}"
        return Mistake(code="T104", text=text, place=place_at(root, path))
    is_key = path[-1:] == (_KEY,)
    place = place_at(root, path[:-1], of_key=True) if is_key else place_at(root, path)
    text, fix = str(context.get("text", item["msg"])), str(context.get("fix", ""))
    return Mistake(code="T105", text=text, place=place, fix=fix)


def newly_found(found: Iterable[Mistake], known: Iterable[Mistake]) -> Iterator[Mistake]:
    """Leave out what was said of a file already, and what lacks because its value was empty."""
    told = list(known)
    places = {(mistake.code, mistake.place) for mistake in told}
    empty = [mistake.field for mistake in told if mistake.code == "T106"]
    for mistake in found:
        is_told = (mistake.code, mistake.place) in places
        field = mistake.field
        is_empty = any(key == field or key.startswith(f"{field}.") for key in empty)
        if not is_told and not (mistake.code == "T102" and is_empty):
            places.add((mistake.code, mistake.place))
            yield mistake


def _empties(node: Node, path: Path, inherited: Group) -> Iterator[Mistake]:
    for part, inner in _entries(node):
        here = (*path, part)
        if part == "patch" or shape_at(here) is UNKNOWN:
            continue
        if not _is_empty(inner):
            yield from _empties(inner, here, inherited)
        elif isinstance(node, Items):
            yield _empty(here, f"item {int(part) + 1} of `{path[-1]}`", inner.place)
        elif not _may_be_empty(here, inherited):
            yield _empty(here, f"`{part}`", place_at(node, (part,), of_key=True))


def _entries(node: Node) -> Iterable[tuple[str | int, Node]]:
    match node:
        case Group(entries):
            return entries.items()
        case Items(items):
            return enumerate(items)
        case Leaf():
            return ()


def _empty(path: Path, name: str, place: Place) -> Mistake:
    return Mistake(
        code="T106",
        text=f"{name} has no value",
        place=place,
        fix="write one, or remove the line",
        field=shown(path),
    )


def _is_empty(node: Node | None) -> bool:
    return isinstance(node, Leaf) and node.text is None


def _may_be_empty(path: Path, inherited: Group) -> bool:
    depth = service_depth(path) or 0
    if depth >= _OVERRIDE_DEPTH and len(path) > depth:
        return True
    return node_at(inherited, path) is not None


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path) or "the file"


def _last_name(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
