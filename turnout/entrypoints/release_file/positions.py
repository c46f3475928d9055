"""Release file text to a tree with places: no implicit types, no tags, no merge keys, limits."""

import re
from dataclasses import dataclass, field

import yaml

from turnout.entrypoints.release_file.mistakes import Mistake
from turnout.entrypoints.release_file.nodes import Group, Items, Leaf, Node, Place

MAX_BYTES = 1 << 20
MAX_VALUES = 20_000
MAX_DEPTH = 32
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_HIDDEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in (
        *("str", "int", "float", "bool", "null", "timestamp"),
        *("merge", "value", "map", "seq"),
    )
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one file; without a root there are mistakes."""

    root: Node | None
    lines: tuple[str, ...]
    mistakes: tuple[Mistake, ...] = ()


class _UnreadableError(Exception):
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.text)
        self.mistake = mistake


def read(content: bytes, file: str) -> Reading:
    """Read the bytes of a release file; `file` is the name that places carry."""
    try:
        text = _text_of(content, file)
    except _UnreadableError as bad:
        return Reading(None, (), (bad.mistake,))
    lines = tuple(_LINE_END.split(text))
    try:
        root = _composed(text, file)
        builder = _Builder(file)
        tree = builder.build(root, 0)
    except _UnreadableError as bad:
        return Reading(None, lines, (bad.mistake,))
    hidden = _hidden_characters(lines, file)
    found = (*hidden, *builder.mistakes)
    return Reading(None if found else tree, lines, found)


def _text_of(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        text = f"the file has {len(content):,} bytes; the limit is {MAX_BYTES:,}"
        raise _UnreadableError(Mistake(code="T001", text=text, place=_start(file)))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"not readable as YAML: byte {content[error.start]:#04x} is not UTF-8"
        place = Place(file=file, line=line, column=1)
        raise _UnreadableError(
            Mistake(code="T002", text=text, place=place, fix="save the file as UTF-8")
        ) from None


def _composed(text: str, file: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _UnreadableError(_not_yaml(error, file)) from None
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        reason = f"not readable as YAML: {error.reason}"
        place = Place(file=file, line=line, column=1)
        raise _UnreadableError(Mistake(code="T002", text=reason, place=place)) from None
    if root is None:
        raise _UnreadableError(
            Mistake(
                code="T003",
                text="the file is empty",
                place=_start(file),
                fix="`turnout init` writes a first one",
            )
        )
    return root


def _not_yaml(error: yaml.MarkedYAMLError, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    reason = error.problem or "unknown reason"
    place = Place(file=file, line=mark.line + 1, column=mark.column + 1) if mark else _start(file)
    return Mistake(
        code="T002", text=f"not readable as YAML: {reason}", place=place, note=_hint(reason)
    )


def _hint(reason: str) -> str:
    if "tab" in reason or "cannot start any token" in reason:
        return "YAML indents with spaces; this line has a tab"
    if "did not find expected" in reason:
        return (
            "a bracket or quote above is not closed, "
            "or this line is indented differently from its neighbours"
        )
    return ""


def _hidden_characters(lines: tuple[str, ...], file: str) -> list[Mistake]:
    found = []
    for number, line in enumerate(lines, start=1):
        sign = _HIDDEN.search(line)
        if sign:
            text = f"not readable as YAML: hidden character U+{ord(sign[0]):04X}"
            place = Place(file=file, line=number, column=sign.start() + 1)
            note = "it changes the order in which the line is shown"
            found.append(Mistake(code="T002", text=text, place=place, note=note))
    return found


def _start(file: str) -> Place:
    return Place(file=file, line=1, column=1)


@dataclass(slots=True)
class _Builder:
    """Turns YAML nodes into ours, expanding aliases under a limit."""

    file: str
    count: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    scalars: dict[int, Leaf] = field(default_factory=dict)

    def build(self, node: yaml.Node, depth: int) -> Node:
        self._admit(node, depth)
        if id(node) in self.scalars:
            return self.scalars[id(node)]
        place = self._place(node)
        if isinstance(node, yaml.ScalarNode):
            empty = not node.style and node.value in ("", "~", "null")
            leaf = Leaf(None if empty else node.value, place)
            # An alias brings the same YAML node again, so a scalar is made once.
            self.scalars[id(node)] = leaf
            return leaf
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(self.build(item, depth + 1) for item in node.value), place)
        return self._group(node, depth)

    def _admit(self, node: yaml.Node, depth: int) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            text = f"more than {MAX_VALUES:,} values once aliases are expanded"
            raise _UnreadableError(Mistake(code="T004", text=text, place=self._place(node)))
        if depth > MAX_DEPTH:
            text = f"more than {MAX_DEPTH} levels inside each other"
            raise _UnreadableError(Mistake(code="T004", text=text, place=self._place(node)))
        if node.tag not in _PLAIN_TAGS:
            name = node.tag.replace("tag:yaml.org,2002:", "!!")
            text = f"not readable as YAML: tags such as `{name}` are not read"
            self._add("T002", text, node, fix="remove the tag")

    def _group(self, node: yaml.Node, depth: int) -> Group:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in entries:
                note = f"first at line {keys[key].line}"
                text = f"`{key}` is written twice"
                self._add("T007", text, key_node, note=note, fix="keep one of the two")
                continue
            keys[key] = self._place(key_node)
            entries[key] = self.build(value_node, depth + 1)
        return Group(entries, keys, self._place(node))

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._add("T005", "a key must be a word", node)
            return None
        if node.value == "<<":
            fix = "use `include`, `defaults`, or an alias for the whole value"
            self._add("T006", "merge keys (`<<`) are not read", node, fix=fix)
            return None
        return str(node.value)

    def _add(self, code: str, text: str, node: yaml.Node, *, note: str = "", fix: str = "") -> None:
        place = self._place(node)
        self.mistakes.append(Mistake(code=code, text=text, place=place, note=note, fix=fix))

    def _place(self, node: yaml.Node) -> Place:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if start.line == end.line else 1
        return Place(
            file=self.file,
            line=start.line + 1,
            column=start.column + 1,
            length=max(1, length),
        )
