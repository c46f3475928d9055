"""A release file as a tree of nodes, each of which knows where it was written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"


class Place(NamedTuple):
    """Where something was written: file as shown, line and column from 1, length in characters."""

    file: str
    line: int
    column: int
    length: int = 1


BUILT_IN = Place(file="", line=0, column=0)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, as the text that was written; None is an empty value."""

    text: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """A group of keys; `keys` tells where each key was written."""

    entries: Mapping[str, "Node"]
    keys: Mapping[str, Place]
    place: Place

    def having(self, key: str, node: "Node", place: Place | None = None) -> "Group":
        """Give the group with one entry set; without a place the key keeps the one it had."""
        where = place or self.keys.get(key, node.place)
        return Group({**self.entries, key: node}, {**self.keys, key: where}, self.place)

    def without(self, key: str) -> "Group":
        """Give the group with one entry taken away."""
        entries = {name: node for name, node in self.entries.items() if name != key}
        return Group(entries, {name: self.keys[name] for name in entries}, self.place)


Node: TypeAlias = Leaf | Items | Group


def nothing(place: Place = BUILT_IN) -> Group:
    """Give an empty group."""
    return Group({}, {}, place)


def node_of(value: Value, place: Place = BUILT_IN) -> Node:
    """Build a tree from plain values, all of it at one place."""
    if isinstance(value, dict):
        entries = {key: node_of(inner, place) for key, inner in value.items()}
        return Group(entries, dict.fromkeys(entries, place), place)
    if isinstance(value, list):
        return Items(tuple(node_of(inner, place) for inner in value), place)
    return Leaf(value, place)


def plain(node: Node) -> Value:
    """Give the values alone."""
    match node:
        case Leaf(text):
            return text
        case Items(items):
            return [plain(item) for item in items]
        case Group(entries):
            return {key: plain(inner) for key, inner in entries.items()}


def node_at(node: Node, path: Path) -> Node | None:
    """Find what stands at a path."""
    found: Node | None = node
    for part in path:
        found = _child(found, part)
    return found


def group_at(node: Node, *path: str | int) -> Group:
    """Find the group at a path; an empty one where there is none."""
    found = node_at(node, path)
    return found if isinstance(found, Group) else nothing()


def items_at(node: Node, *path: str | int) -> tuple[Node, ...]:
    """Find the items of the list at a path."""
    found = node_at(node, path)
    return found.items if isinstance(found, Items) else ()


def text_at(node: Node, *path: str | int) -> str | None:
    """Find the text at a path."""
    found = node_at(node, path)
    return found.text if isinstance(found, Leaf) else None


def place_at(node: Node, path: Path, *, of_key: bool = False) -> Place:
    """Tell where a path, or the nearest group around it, was written."""
    for end in range(len(path), 0, -1):
        parent = node_at(node, path[: end - 1])
        key = path[end - 1]
        if of_key and isinstance(parent, Group) and key in parent.keys:
            return parent.keys[str(key)]
        found = _child(parent, key)
        if found is not None:
            return found.place
    return node.place


def leaves(node: Node) -> list[tuple[Path, Leaf]]:
    """List every scalar with its path."""
    found: list[tuple[Path, Leaf]] = []
    waiting: list[tuple[Path, Node]] = [((), node)]
    while waiting:
        path, at = waiting.pop()
        if isinstance(at, Leaf):
            found.append((path, at))
        elif isinstance(at, Group):
            waiting += [((*path, key), inner) for key, inner in at.entries.items()]
        else:
            waiting += [((*path, index), inner) for index, inner in enumerate(at.items)]
    return found


def leaves_at(node: Node, key: str) -> Iterator[tuple[Path, Leaf]]:
    """Find the scalars under a key such as `verify.golden.*.file`; `*` is any entry."""
    found: list[tuple[Path, Node]] = [((), node)]
    for word in key.split("."):
        found = [below for path, at in found for below in _children(path, at, word)]
    for path, at in found:
        if isinstance(at, Leaf):
            yield path, at


def _children(path: Path, node: Node, word: str) -> list[tuple[Path, Node]]:
    if isinstance(node, Items) and word == "*":
        return [((*path, index), inner) for index, inner in enumerate(node.items)]
    if not isinstance(node, Group):
        return []
    names = node.entries if word == "*" else [word]
    return [((*path, name), node.entries[name]) for name in names if name in node.entries]


def _child(node: Node | None, part: str | int) -> Node | None:
    if isinstance(node, Group):
        return node.entries.get(str(part))
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None
