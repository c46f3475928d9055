"""Printing: results on stdout, progress on stderr, nothing that acts on a terminal."""

import json
import re
from collections.abc import Mapping, Sequence

import click

from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.views import Sentences

# Control and direction characters in foreign text could rewrite what a terminal shows.
_ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Give a text without what acts on a terminal."""
    return _ACTS.sub("?", text)


def answer(flags: Flags, kind: str, body: Mapping[str, object], text: str) -> None:
    """Print a result: as one JSON object, or as text."""
    if flags.as_json:
        click.echo(json.dumps({"turnout": 1, "kind": kind, **body}, ensure_ascii=False))
    elif text:
        click.echo(clean(text))


def json_line(kind: str, body: Mapping[str, object]) -> None:
    """Print one JSON line of many."""
    click.echo(json.dumps({"turnout": 1, "kind": kind, **body}, ensure_ascii=False))


def say(flags: Flags, text: str) -> None:
    """Print progress."""
    if not flags.quiet:
        click.echo(clean(text), err=True)


def spoken(flags: Flags, sentences: Sentences) -> str:
    """Choose the sentence in the language that was asked for."""
    return sentences["zh"] if flags.language == "zh" else sentences["en"]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns; the last one is not padded."""
    cells = [head, *rows]
    widths = [max(_width(row[at]) for row in cells) for at in range(len(head))]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * (width - _width(cell))
        for cell, width in zip(row[:-1], widths[:-1], strict=True)
    ]
    return "  ".join([*padded, row[-1]]).rstrip()


def _width(text: str) -> int:
    return sum(2 if _is_wide(sign) else 1 for sign in text)


def _is_wide(sign: str) -> bool:
    if sign.isascii():
        return False
    from unicodedata import east_asian_width

    return east_asian_width(sign) in "WF"


def short_time(seconds_s: float) -> str:
    """Write a length of time in one unit: 12 s, 3 min, 2 h, 4 d."""
    for limit_s, unit_s, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds_s < limit_s:
            return f"{int(seconds_s // unit_s)} {unit}"
    return f"{int(seconds_s // 86_400)} d"


def percent(share: float) -> str:
    """Write a share of 0 to 1 as percent."""
    return f"{share * 100:g} %"
