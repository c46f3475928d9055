"""Prints the merged file of one environment with the origin of each value as a comment."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from turnout.entrypoints.release_file.builtkeys import is_built, key_of
from turnout.entrypoints.release_file.leaves import Unit
from turnout.entrypoints.release_file.loading import Resolved
from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node, Path, node_of
from turnout.entrypoints.release_file.schema_parts import Part
from turnout.entrypoints.release_file.shapes import FILE, UNKNOWN, Shape, fields_of, inside
from turnout.entrypoints.release_file.units import (
    address,
    shown_duration,
    shown_share,
    shown_weight,
)

_PLAIN = re.compile(r"[A-Za-z0-9_./$%=@+-][A-Za-z0-9_./$%=@+:, -]*")
_WIDEST = 72
_SHOWN: Mapping[str, Callable[[float], str]] = {
    "duration": shown_duration,
    "share": shown_share,
    "weight": lambda points: shown_weight(int(points)),
    "truth": lambda value: "true" if value else "false",
}


def render_resolved(view: Resolved) -> str:
    """Write the file as one environment sees it, in long forms; it can be loaded again."""
    lines = list(_lines(_completed(view.tree, FILE, ()), 0))
    width = min(_WIDEST, max(len(text) for text, _ in lines))
    return "".join(
        f"{text.ljust(width)}  # {origin}\n" if origin else f"{text}\n" for text, origin in lines
    )


def _completed(node: Node, shape: Shape, path: Path) -> Node:
    """Add the defaults of the keys that were not written, in the order of the format."""
    match node:
        case Leaf(str() as text) if Unit("address") in shape.marks:
            return Leaf(address(text), node.place)
        case Leaf():
            return node
        case Items(items):
            inner = [
                _completed(item, inside(shape, at) or UNKNOWN, (*path, at))
                for at, item in enumerate(items)
            ]
            return Items(tuple(inner), node.place)
        case Group():
            return _completed_group(node, shape, path)


def _completed_group(node: Group, shape: Shape, path: Path) -> Group:
    full = {
        key: _completed(inner, inside(shape, key) or UNKNOWN, (*path, key))
        for key, inner in node.entries.items()
    }
    if shape.model is not None:
        full.update(_defaults(shape.model, full, path))
        full = {key: full[key] for key in shape.model.model_fields if key in full}
    return Group(full, {key: inner.place for key, inner in full.items()}, node.place)


def _defaults(model: type[Part], written: Mapping[str, Node], path: Path) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for name in model.model_fields:
        text = shown_default(model, name) if name not in written else None
        if text is not None and is_built(key_of((*path, name))):
            found[name] = node_of(text)
    return found


def shown_default(model: type[Part], name: str) -> str | None:
    """Write the default of a key as it would stand in a file; None without one."""
    default: object = model.model_fields[name].default
    if not isinstance(default, (str, int, float)):
        return None
    return _shown(default, fields_of(model)[name].marks)


def _shown(value: object, marks: tuple[object, ...]) -> str:
    for mark in marks:
        if isinstance(mark, Unit) and mark.name in _SHOWN and isinstance(value, (int, float)):
            return _SHOWN[mark.name](value)
    return str(value)


def _lines(node: Node, depth: int) -> Iterator[tuple[str, str]]:
    pad = "  " * depth
    match node:
        case Group(entries):
            for key, inner in entries.items():
                yield from _entry(f"{pad}{_scalar(key)}:", inner, depth)
        case Items(items):
            for item in items:
                yield from _item(item, depth)
        case Leaf():
            yield f"{pad}{_scalar(node.text)}", _origin(node)


def _entry(head: str, node: Node, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(node, Leaf):
        yield f"{head} {_scalar(node.text)}", _origin(node)
    elif _is_empty(node):
        yield f"{head} {'[]' if isinstance(node, Items) else '{}'}", _origin(node)
    else:
        yield head, ""
        yield from _lines(node, depth + 1)


def _item(node: Node, depth: int) -> Iterator[tuple[str, str]]:
    pad = "  " * depth
    if isinstance(node, Leaf) or _is_empty(node):
        yield from _entry(f"{pad}-", node, depth)
        return
    for index, (text, origin) in enumerate(_lines(node, depth + 1)):
        yield (f"{pad}- {text[len(pad) + 2 :]}" if index == 0 else text), origin


def _is_empty(node: Node) -> bool:
    return not (node.items if isinstance(node, Items) else getattr(node, "entries", ()))


def _origin(node: Node) -> str:
    return f"{node.place.file}:{node.place.line}" if node.place.file else "default"


def _scalar(text: str | None) -> str:
    if text is None:
        return ""
    is_plain = _PLAIN.fullmatch(text) and ": " not in text and not text.endswith((":", " "))
    if is_plain and text not in ("null", "~", "-", "---") and not text.startswith(("- ", "%", "@")):
        return text
    return json.dumps(text, ensure_ascii=False)
