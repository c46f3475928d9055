"""Every code of a mistake: what it means, a wrong and a right example."""

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.errors import BadInputError

_SERVICE = "turnout: 1\nservices:\n  guard:\n"


@dataclass(frozen=True, slots=True)
class Code:
    """One code. The examples are whole release files; without them none is needed."""

    title: str
    meaning: str
    wrong: str = ""
    right: str = ""


def _service(*lines: str) -> str:
    return _SERVICE + "".join(f"    {line}\n" for line in ("run: serve $port", *lines))


CODES: Mapping[str, Code] = {
    "T001": Code("too large", "A release file has at most 1,048,576 bytes."),
    "T002": Code(
        "not YAML",
        "The text cannot be read: a bracket or quote is open, a line has a tab, "
        "a tag, bytes that are not UTF-8, or a hidden character.",
        "turnout: 1\nservices: {guard: [\n",
        _service(),
    ),
    "T003": Code("empty", "There is nothing in the file.", "# nothing\n", _service()),
    "T004": Code(
        "too much inside",
        "More than 20,000 values once aliases are expanded, or more than 32 levels.",
        "turnout: 1\nx-deep: &a [*a]\n",
        _service(),
    ),
    "T005": Code("key", "A key is a word.", "turnout: 1\n[a]: b\n", _service()),
    "T006": Code(
        "merge key",
        "`<<` is not read: `defaults`, `include`, or an alias for a whole value say the same.",
        "turnout: 1\nx-run: &run {run: serve $port}\nservices:\n  guard: {<<: *run}\n",
        "turnout: 1\ndefaults: {run: serve $port}\nservices:\n  guard:\n",
    ),
    "T007": Code("key twice", "A key stands once in its group.", _service("run: b"), _service()),
    "T010": Code(
        "schema version",
        "A file of a later version is refused, never half read.",
        "turnout: 2\n",
        _service(),
    ),
    "T101": Code(
        "unknown key",
        "The format has no such key there. Words of other tools are recognised.",
        _service("proxy: 8000"),
        _service("route: 8000"),
    ),
    "T102": Code(
        "missing key",
        "A group lacks a key that it needs.",
        _service("artifact: {max_size: 1GiB}"),
        _service("artifact: {source: models/$version, max_size: 1GiB}"),
    ),
    "T103": Code(
        "unknown value",
        "The key takes one of a few words.",
        _service("shift: {strategy: bluegreen}"),
        _service("shift: {strategy: blue-green}"),
    ),
    "T104": Code(
        "shape",
        "A group of keys, a list, or a text is asked for.",
        _service("shift: {steps: 100%}"),
        _service("shift: {steps: [100%]}"),
    ),
    "T105": Code(
        "value",
        "A unit is missing, a secret is written out, two choices are given, and the like.",
        _service("bake: 30"),
        _service("bake: 30m"),
    ),
    "T106": Code(
        "no value",
        "A key without a value means nothing, except in an override, where it removes.",
        _service("bake:"),
        _service("bake: 10m"),
    ),
    "T120": Code(
        "not built",
        "The key belongs to the format, and this version of Turnout does not do it yet.",
        _service("route: {sticky: address}"),
        _service("route: 8000"),
    ),
    "T201": Code(
        "steps",
        "Weights only grow within one release.",
        _service("shift: {steps: [10%, 5%, 100%]}"),
        _service("shift: {steps: [5%, 10%, 100%]}"),
    ),
    "T202": Code(
        "last step",
        "The last step is everything.",
        _service("shift: {steps: [10%, 50%]}"),
        _service("shift: {steps: [10%, 50%, 100%]}"),
    ),
    "T203": Code(
        "placeholder",
        "Lower-case `$words` are Turnout's; `$WORD` is the process's, `$$word` is a plain `$word`.",
        _service("artifact: models/$vesion"),
        _service("artifact: models/$version"),
    ),
    "T204": Code(
        "tag",
        "`latest` is another image tomorrow.",
        _service("artifact: models:latest"),
        _service("artifact: models:$version"),
    ),
    "T205": Code(
        "margin of a rate",
        "10% of a rate of 1% is 0.1 points or 10 points: say which.",
        _service("watch: {figures: {errors: {worse_by: 10%}}}"),
        _service("watch: {figures: {errors: {worse_by: 0.5pp}}}"),
    ),
    "T206": Code("reference", "A stage or gate that is named does not exist."),
    "T207": Code("connection", "A connection that is named does not exist."),
    "T208": Code(
        "router cannot",
        "The router cannot do what is asked, or two services want the same requests.",
        "turnout: 1\nservices:\n"
        "  guard: {run: serve $port, route: 8000}\n  other: {run: serve $port, route: 8000}\n",
        "turnout: 1\nservices:\n"
        "  guard: {run: serve $port, route: 8000}\n  other: {run: serve $port, route: 8001}\n",
    ),
    "T209": Code("environment", "An environment that is named does not exist."),
    "T210": Code("cycle", "Files include each other in a circle, or more than 8 deep."),
    "T211": Code("time", "Reserved: a schedule, zone or window that does not exist."),
    "T212": Code("no window", "Reserved: no open time in the next 90 days."),
    "T213": Code(
        "file",
        "A file that is named does not exist or cannot be read; rows are placed in their file.",
        f"{_SERVICE}    run: {{command: serve $port, folder: missing}}\n",
        _service(),
    ),
    "T214": Code("GPU", "Reserved: not enough GPUs for both versions."),
    "T215": Code(
        "figure",
        "The figure does not exist, or cannot be compared on live requests.",
        _service("watch: {figures: {memory: {worse_by: 10%}}}"),
        _service("watch: {figures: {latency.p99: {worse_by: 10%}}}"),
    ),
    "T216": Code(
        "fixed port",
        "Two versions on one host cannot share a port.",
        "turnout: 1\nservices:\n  guard:\n    run: {command: serve, port: 8080}\n",
        _service(),
    ),
    "W301": Code(
        "short hold",
        "Steps in the last environment hold less than 30 minutes.",
        "turnout: 1\nenvironments: {production: }\nservices:\n"
        "  guard: {run: serve $port, route: 8000, shift: {hold: 5m}}\n",
        "turnout: 1\nenvironments: {production: }\nservices:\n"
        "  guard: {run: serve $port, route: 8000, shift: {hold: 30m}}\n",
    ),
    "W302": Code(
        "drain",
        "Streams may last longer than the old version waits for them.",
        _service("route: {listen: 8000, stream_max: 5m}", "retire: {drain: 30s}"),
        _service("route: {listen: 8000, stream_max: 5m}", "retire: {drain: 5m}"),
    ),
    "W303": Code(
        "blind",
        "Nothing sees broken streams of a streaming service.",
        "turnout: 1\nenvironments:\n  local:\n    services:\n      guard:\n"
        "        watch: {figures: {stream_errors: }}\nservices:\n"
        "  guard: {run: serve $port, route: {listen: 8000, stream_max: 20s}}\n",
        _service("route: {listen: 8000, stream_max: 20s}"),
    ),
    "W304": Code(
        "tester",
        "A literal value that anybody may guess leads to the candidate.",
        "turnout: 1\nenvironments: {production: }\nservices:\n"
        '  guard: {run: serve $port, route: {testers: "header:x-turnout: yes"}}\n',
        "turnout: 1\nenvironments: {production: }\nservices:\n"
        '  guard: {run: serve $port, route: {testers: "header:x-turnout: env:KEY"}}\n',
    ),
    "W305": Code("window", "Reserved: the steps are longer than the window."),
    "W306": Code(
        "patience",
        "Patience ends before a step can be decided.",
        _service("shift: {hold: 30m}", "watch: {patience: 10m}"),
        _service("shift: {hold: 30m}", "watch: {patience: 1h}"),
    ),
    "W390": Code("renamed key", "Reserved: a key has another name since a later version."),
}


def explained(code: str) -> str:
    """Write the page on one mistake.

    Raises:
        BadInputError: there is no such code.
    """
    found = CODES.get(code.upper())
    if found is None:
        raise BadInputError(f"there is no mistake `{code}`; the codes are T001 to W390")
    parts = [f"{code.upper()} {found.title}", found.meaning]
    if found.wrong:
        parts += ["Wrong:", indented(found.wrong), "Right:", indented(found.right)]
    return "\n\n".join(parts) + "\n"


def indented(text: str) -> str:
    """Set a text in by four spaces."""
    return "\n".join(f"    {line}" for line in text.rstrip("\n").splitlines())
