"""What words mean together: each rule's mistake, at its place, with its way out."""

import json
from pathlib import Path

import pytest

from turnout.entrypoints.release_file import Loaded, load
from turnout.entrypoints.release_file.builtkeys import BUILT
from turnout.entrypoints.release_file.format_keys import format_keys
from turnout.entrypoints.release_file.leaves import IsPath
from turnout.entrypoints.release_file.meaning_files import EXISTING_FILES

START = "turnout: 1\nservices:\n  guard:\n    run: serve $port\n"
PRODUCTION = "turnout: 1\nenvironments: {staging: , production: }\nservices:\n  guard:\n"
GOLDEN = "    verify: {golden: {levels: {file: rows.jsonl, scorer: label, "
CASES = [
    ("shift: {steps: [0%, 100%]}", "T201", 5, "step 1 (0%) sends nobody to the candidate"),
    ("shift: {steps: [5%, 5%, 100%]}", "T201", 5, "step 2 (5%) is not larger than step 1 (5%)"),
    ("shift: {steps: [50%]}", "T202", 5, "the last step must be 100%"),
    (
        "shift: {strategy: blue-green, steps: [5%, 100%]}",
        *("T202", 5, "`blue-green` switches in one step"),
    ),
    ("artifact: a/$vesion", "T203", 5, "`$vesion` is not known"),
    ("artifact: a:latest", "T204", 5, "`latest` names no version"),
    (
        "watch: {figures: {errors: {worse_by: 10%}}}",
        *("T205", 5, "`10%` of a rate can be read in two ways"),
    ),
    ("watch: {figures: {errors: {max: 1}}}", "T105", 5, "`1` is not a percentage"),
    ("watch: {figures: {errors: {worse_by: 1}}}", "T105", 5, "`1` is not a margin of a rate"),
    (
        "watch: {figures: {errors: {worse_by: 0.5x}}}",
        *("T105", 5, "`0.5x` would ask the candidate to be better"),
    ),
    ("watch: {figures: {latency.p99: {max: 200}}}", "T105", 5, "`200` has no unit"),
    ("watch: {figures: {ttft.p50: {max: 2%}}}", "T105", 5, "`2%` is not a duration"),
    (
        "watch: {figures: {latency.p99: {worse_by: 5pp}}}",
        *("T105", 5, "`5pp` is not a margin of a time"),
    ),
    (
        "watch: {figures: {latency.p99: {min: 5ms}}}",
        *("T215", 5, "`latency.p99` is the better the lower; it has no `min`"),
    ),
    ("watch: {figures: {erors: {max: 1%}}}", "T215", 5, "`erors` is not a figure"),
    (
        "watch: {figures: {gpu: {worse_by: 10%}}}",
        *("T215", 5, "`gpu` is not drawn per request and cannot be compared live"),
    ),
    ("warm: {requests: warm.jsonl}", "T213", 5, "`warm.jsonl` does not exist"),
    (
        "artifact: {source: a, signature: {keys: [a.pub]}}",
        *("T213", 5, "`a.pub` does not exist"),
    ),
    ("route: {sticky: address}", "T120", 5, "`route.sticky` is not built yet"),
    ("shift: {strategy: rolling}", "T120", 5, "`shift.strategy: rolling` is not built yet"),
    ("warm: {requests: recent}", "T120", 5, "`warm.requests: recent` is not built yet"),
    ("artifact: oci://a", "T120", 5, "`artifact.source: oci:` is not built yet"),
    (
        "watch: {figures: {memory: {max: 1GiB}}}",
        *("T120", 5, "`watch.figures.memory` is not built yet"),
    ),
    (
        'watch: {figures: {mine: {prometheus: "up", max: 1}}}',
        *("T120", 5, "`watch.figures.mine` is not built yet"),
    ),
    ("notify: {a: {to: b, when: [failed]}}", "T120", 5, "`notify` is not built yet"),
    ("bake:", "T106", 5, "`bake` has no value"),
    ("shift: {steps: [~, 100%]}", "T106", 5, "item 1 of `steps` has no value"),
    ("retire: {drain: {a: b}}", "T104", 5, "`services.guard.retire.drain` must be a text"),
]


def loaded(text: str, folder: Path) -> Loaded:
    file = folder / "turnout.yaml"
    file.write_text(text, "utf-8")
    return load(file)


@pytest.mark.parametrize(
    ("line", "code", "at", "said"), CASES, ids=[f"{case[1]} {case[0][:30]}" for case in CASES]
)
def test_a_section_that_cannot_be_meant_is_told(
    line: str, code: str, at: int, said: str, tmp_path: Path
) -> None:
    mistakes = loaded(f"{START}    {line}\n", tmp_path).mistakes
    told = [mistake for mistake in mistakes if mistake.code == code]
    assert [(mistake.place.line, mistake.text) for mistake in told] == [(at, said)]
    assert {mistake.code for mistake in mistakes} <= {code, "T120", "T207"}


def test_a_fixed_port_is_refused_only_where_processes_share_a_host(tmp_path: Path) -> None:
    text = (
        "turnout: 1\nenvironments:\n  dev:\n  staging: {runtime: container}\n"
        "services:\n  guard:\n    run: {command: serve, port: 8080}\n"
    )
    codes = [mistake.code for mistake in loaded(text, tmp_path).mistakes]
    assert codes == ["T120", "T216"]
    freed = text.replace("dev:\n", "dev: {services: {guard: {run: {port: }}}}\n")
    assert [mistake.code for mistake in loaded(freed, tmp_path).mistakes] == ["T120"]


def test_a_process_needs_a_command_and_a_container_does_not(tmp_path: Path) -> None:
    text = "turnout: 1\nservices:\n  guard:\n    run: {env: {A: b}}\n"
    [mistake] = loaded(text, tmp_path).mistakes
    assert (mistake.code, mistake.place.line) == ("T102", 4)
    boxed = text.replace("services", "environments: {a: {runtime: container}}\nservices")
    assert [mistake.code for mistake in loaded(boxed, tmp_path).mistakes] == ["T120"]


def test_two_services_do_not_want_the_same_requests(tmp_path: Path) -> None:
    text = "turnout: 1\ndefaults: {run: serve, route: 8000}\nservices:\n  a:\n  b:\n"
    [mistake] = loaded(text, tmp_path).mistakes
    assert mistake.code == "T208"
    named = text.replace("  a:", "  a: {route: {host: a.test}}").replace(
        "  b:", "  b: {route: {host: b.test}}"
    )
    assert not loaded(named, tmp_path).mistakes


def test_golden_rows_are_placed_in_their_own_file(tmp_path: Path) -> None:
    rows = [{"label": "safe", "slice": "a"}, {"slice": "a", "label": "unsfe"}, {"label": "safe"}]
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, "{", "5"]), "utf-8")
    text = f"{START}{GOLDEN}labels: [safe, unsafe], slices: slice}}}}}}\n"
    mistakes = loaded(text, tmp_path).mistakes
    assert [(it.code, it.place.file, it.place.line) for it in mistakes] == [
        ("T213", "rows.jsonl", line) for line in (2, 3, 4, 5)
    ]
    assert mistakes[0].text == "row 2: `label` is `unsfe`, not one of safe, unsafe"
    assert (mistakes[0].place.column, mistakes[0].note) == (25, "did you mean `unsafe`?")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a"}, "row 1 has none of `label`, `expected`, `answer`"),
        ({"expected": "odd"}, "row 1: `expected` is `odd`, not one of safe"),
        ({"label": None, "answer": "safe"}, ""),
        ({"label": ["safe"]}, "row 1: `label` is `['safe']`, not one of safe"),
        ({"text": "\u2028", "label": "safe"}, ""),
    ],
    ids=["none", "expected", "answer", "list", "line separator"],
)
def test_a_golden_row_says_what_is_expected(
    row: dict[str, object], said: str, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    found = loaded(f"{START}{GOLDEN}labels: [safe]}}}}}}\n", tmp_path).mistakes
    assert [mistake.text for mistake in found] == ([said] if said else [])


@pytest.mark.parametrize(
    ("figure", "code"),
    [
        ("accuracy: {min: 90%}", None),
        ("recall.unsafe: {min: 90%, worse_by: 1pp}", None),
        ("slice.jailbreak.recall.unsafe: {min: 90%}", None),
        ("recall.unsfe: {min: 90%}", "T215"),
        ("latency.p99: {max: 1s}", "T215"),
        ("accuracy: {worse_by: 1%}", "T205"),
        ("accuracy: {worse_by: 1.1x}", "T105"),
        ("accuracy: {min: 0.9}", "T105"),
        ("accuracy: {tolerance: 1pp}", "T120"),
    ],
)
def test_a_figure_of_a_golden_set_has_a_known_name_and_unit(
    figure: str, code: str | None, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"label": "unsafe"}\n', "utf-8")
    text = f"{START}{GOLDEN}labels: [safe, unsafe], figures: {{{figure}}}}}}}}}\n"
    assert [found.code for found in loaded(text, tmp_path).mistakes] == ([code] if code else [])


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ("{run: a, route: 8000}", ["W301"]),
        ("{run: a, route: 8000, shift: {hold: 30m}}", []),
        ("{run: a, shift: {hold: 1m}}", []),
        ("{run: a, route: 8000, shift: {strategy: blue-green, hold: 1m}}", []),
        ("{run: a, bake: 1h, retire: {drain: 1s}, route: {stream_max: 1m}}", ["W301", "W302"]),
        ('{run: a, shift: {hold: 1h}, route: {testers: "header:x: y"}}', ["W304", "W306"]),
        ('{run: a, shift: {hold: 40m}, route: {testers: "header:x: env:Y"}}', []),
    ],
)
def test_what_is_poor_but_possible_is_a_warning(
    lines: str, codes: list[str], tmp_path: Path
) -> None:
    found = loaded(f"{PRODUCTION.removesuffix(chr(10))} {lines}\n", tmp_path)
    assert not found.mistakes
    assert sorted(warning.code for warning in found.warnings) == codes


def test_a_misspelt_key_hides_no_name_that_others_refer_to(tmp_path: Path) -> None:
    text = f"{START}    conections: 5\n    artifact: {{source: a, connection: images}}\n"
    assert [it.code for it in loaded(text, tmp_path).mistakes] == ["T101", "T120"]


def test_an_unbuilt_group_is_told_once_and_still_checked_inside(tmp_path: Path) -> None:
    text = f"{START}    notify: {{a: {{to: b, wen: [failed], cooldown: 5}}}}\n"
    mistakes = loaded(text, tmp_path).mistakes
    assert sorted(it.code for it in mistakes) == ["T101", "T105", "T120"]


def test_a_name_that_is_none_is_told_at_its_key(tmp_path: Path) -> None:
    text = "turnout: 1\nservices:\n  Guard: {run: a}\n"
    [mistake] = loaded(text, tmp_path).mistakes
    assert (mistake.code, mistake.place.line, mistake.place.column) == ("T105", 3, 3)


def test_an_environment_that_is_asked_for_has_to_exist(tmp_path: Path) -> None:
    file = tmp_path / "turnout.yaml"
    file.write_text(f"{PRODUCTION}    run: serve\n", "utf-8")
    [mistake] = load(file, "producton").mistakes
    assert (mistake.code, mistake.note) == ("T209", "did you mean `production`?")
    assert list(load(file, "production").environments) == ["production"]


def test_the_table_of_built_keys_names_only_keys_of_the_format() -> None:
    assert set(BUILT) <= {key.key for key in format_keys()}


def test_the_files_that_must_exist_are_those_that_the_models_mark() -> None:
    mark = IsPath(must_exist=True)
    marked = set()
    for key in format_keys():
        if key.key in BUILT and mark in key.shape.marks:
            marked.add(key.key)
        elif key.key in BUILT and key.shape.entry and mark in key.shape.entry.marks:
            marked.add(f"{key.key}.*")
    assert marked == set(EXISTING_FILES)
