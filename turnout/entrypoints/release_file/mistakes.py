"""Mistakes of a release file: their values and the forms in which they are printed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from turnout.entrypoints.release_file.nodes import Place

Sources = Mapping[str, tuple[str, ...]]
"""The lines of each file that was read, by the name under which it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake or warning: `note` stands under the caret, `fix` says the way out.

    `field` is the key it is about, within its service or environment: `shift.hold`.
    """

    code: str
    text: str
    place: Place
    note: str = ""
    fix: str = ""
    field: str = ""

    @property
    def is_warning(self) -> bool:
        """Tell whether the file is usable all the same."""
        return self.code.startswith("W")

    @property
    def level(self) -> str:
        """Give the word that the printed form begins with."""
        return "warning" if self.is_warning else "error"


class Form(StrEnum):
    """How mistakes are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


# Words that people bring along from other tools.
FOREIGN: Mapping[str, tuple[str, ...]] = {
    "share": ("weight",),
    "setWeight": ("weight",),
    "weights": ("steps",),
    "stepWeight": ("steps",),
    "maxWeight": ("steps",),
    "interval": ("hold", "every"),
    "pause": ("hold",),
    "threshold": ("max",),
    "analysis": ("watch",),
    "healthcheck": ("ready",),
    "readinessProbe": ("ready",),
    "probe": ("ready",),
    "health": ("ready",),
    "command": ("run",),
    "cmd": ("command", "run"),
    "ports": ("port",),
    "environment": ("env", "environments"),
    "hooks": ("commands",),
    "on": ("triggers",),
    "strategy": ("shift",),
    "canary": ("shift",),
    "deploy": ("shift",),
    "proxy": ("route",),
    "stages": ("pipeline",),
    "accessories": ("services",),
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that was probably meant."""
    names = list(known)
    for meant in FOREIGN.get(word, ()):
        if meant in names:
            return meant
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str], *, mark: str = "") -> str:
    """Ask whether the nearest known word was meant; empty without one."""
    near = nearest(word, known)
    return f"did you mean `{mark}{near}`?" if near else ""


def in_order(mistakes: Iterable[Mistake], files: Iterable[str] = ()) -> tuple[Mistake, ...]:
    """Sort by place, files in the order they were read; the same mistake seen twice is one."""
    order = {file: number for number, file in enumerate(files)}
    unique = {(found.code, found.text, found.place): found for found in mistakes}
    return tuple(
        sorted(
            unique.values(),
            key=lambda found: (
                order.get(found.place.file, len(order)),
                found.place.file,
                found.place.line,
                found.place.column,
                found.code,
            ),
        )
    )


def printed(
    mistakes: Iterable[Mistake], sources: Sources, file: str, form: Form = Form.TEXT
) -> str:
    """Print mistakes in one of the forms; `file` is the name of the release file."""
    found = tuple(mistakes)
    match form:
        case Form.TEXT:
            blocks = [render(mistake, sources) for mistake in found]
            return "\n\n".join([*blocks, tally(found, file)])
        case Form.JSON:
            rows = [_row(mistake) for mistake in found]
            return json.dumps({"turnout": 1, "kind": "check", "mistakes": rows}, indent=2)
        case Form.SARIF:
            return json.dumps(_sarif(found), indent=2)
        case Form.GITHUB:
            return "\n".join(_github(mistake) for mistake in found)


def render(mistake: Mistake, sources: Sources) -> str:
    """Print one mistake with the line that it stands in."""
    place = mistake.place
    number = str(place.line)
    pad = " " * len(number)
    lines = sources.get(place.file, ())
    source = lines[place.line - 1] if place.line <= len(lines) else ""
    out = [
        f"{mistake.level}[{mistake.code}]: {mistake.text}",
        f"{pad}--> {place.file}:{place.line}:{place.column}",
    ]
    if source:
        note = f" {mistake.note}" if mistake.note else ""
        out += [f"{pad} |", f"{number} | {source}", f"{pad} | {_under(place, source)}{note}"]
    elif mistake.note:
        out.append(f"{pad} = {mistake.note}")
    if mistake.fix:
        out.append(f"{pad} = fix: {mistake.fix}")
    return "\n".join(out)


def tally(mistakes: Iterable[Mistake], file: str) -> str:
    """Say how many mistakes there are and that nothing was changed."""
    found = tuple(mistakes)
    warnings = sum(mistake.is_warning for mistake in found)
    parts = [_count(len(found) - warnings, "error"), _count(warnings, "warning")]
    counted = ", ".join(part for part in parts if part)
    if not counted:
        return f"{file}: ok"
    return f"{file}: {counted}." + (" Nothing was changed." if warnings < len(found) else "")


def _count(number: int, word: str) -> str:
    if not number:
        return ""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _under(place: Place, source: str) -> str:
    room = max(1, len(source) - place.column + 1)
    # A tab before the caret is repeated, so that the caret stands under its column.
    before = "".join("\t" if sign == "\t" else " " for sign in source[: place.column - 1])
    return before + "^" * min(place.length, room)


def _row(mistake: Mistake) -> dict[str, str | int]:
    place = mistake.place
    return {
        "code": mistake.code,
        "level": mistake.level,
        "text": mistake.text,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "note": mistake.note,
        "fix": mistake.fix,
        "field": mistake.field,
    }


def _sentence(mistake: Mistake) -> str:
    fix = f"fix: {mistake.fix}" if mistake.fix else ""
    return "; ".join(part for part in (mistake.text, mistake.note, fix) if part)


def _github(mistake: Mistake) -> str:
    place = mistake.place
    end = place.column + place.length - 1
    # The form of workflow commands: % and line ends are escaped in the text.
    text = _sentence(mistake).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    where = f"file={place.file},line={place.line},col={place.column},endColumn={end}"
    return f"::{mistake.level} {where},title={mistake.code}::{text}"


def _sarif(mistakes: tuple[Mistake, ...]) -> dict[str, object]:
    codes = sorted({mistake.code for mistake in mistakes})
    driver = {"name": "turnout", "rules": [{"id": code} for code in codes]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(item) for item in mistakes]}],
    }


def _result(mistake: Mistake) -> dict[str, object]:
    place = mistake.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": place.column + place.length,
    }
    location = {"artifactLocation": {"uri": place.file}, "region": region}
    return {
        "ruleId": mistake.code,
        "level": mistake.level,
        "message": {"text": _sentence(mistake)},
        "locations": [{"physicalLocation": location}],
    }
