"""Whatever stands in a release file: loading never raises, and what it accepts is usable."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.entrypoints.release_file import Form, Loaded, load
from turnout.entrypoints.release_file.builtkeys import BUILT
from turnout.entrypoints.release_file.format_keys import format_keys
from turnout.entrypoints.release_file.placeholders import replaced, words_in
from turnout.entrypoints.release_file.rendering import render_resolved
from turnout.entrypoints.release_file.units import duration, shown_duration

FILES = Path(__file__).parents[2] / "examples" / "files"
WORDS = sorted({key.field for key in format_keys()} | {"<<", "x-a", "guard", "local"})
LEAVES = st.one_of(
    st.sampled_from(["1", "5%", "100%", "30s", "8000", "canary", "env:A", "~", "", "$version"]),
    st.text(max_size=12),
)
TREES = st.recursive(
    st.none() | LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=30,
)
SERVICES = st.dictionaries(st.sampled_from(["guard", "b"]), TREES, max_size=2)


def loaded(content: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "turnout.yaml"
        file.write_bytes(content)
        return load(file)


def is_well_told(found: Loaded) -> bool:
    mistakes = (*found.mistakes, *found.warnings)
    placed = all(mistake.place.line >= 1 and mistake.place.column >= 1 for mistake in mistakes)
    ordered = bool(found.mistakes) != bool(found.environments)
    return placed and ordered and all(found.printed(form) or form is Form.GITHUB for form in Form)


@given(st.binary(max_size=300))
def test_no_bytes_make_loading_raise(content: bytes) -> None:
    assert is_well_told(loaded(content))


@given(st.text(max_size=200))
def test_no_text_after_a_good_start_makes_loading_raise(text: str) -> None:
    assert is_well_told(loaded(f"turnout: 1\nservices:\n  guard:\n    {text}\n".encode()))


@given(SERVICES, TREES, TREES)
def test_no_tree_of_known_words_makes_loading_raise(
    services: dict[str, object], environments: object, defaults: object
) -> None:
    document = {
        "turnout": "1",
        "services": services,
        "environments": environments,
        "defaults": defaults,
    }
    assert is_well_told(loaded(json.dumps(document).encode()))


@pytest.mark.parametrize("name", sorted(folder.name for folder in FILES.iterdir()))
@given(data=st.data())
def test_no_change_of_an_example_makes_loading_raise(name: str, data: st.DataObject) -> None:
    text = (FILES / name / "turnout.yaml").read_text("utf-8")
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 20))
    put = data.draw(st.sampled_from(["", ":", " ", "\n", "{", "]", "&a", "*a", "- ", '"', "5"]))
    assert is_well_told(loaded((text[:start] + put + text[start + length :]).encode()))


ENTRIES = st.dictionaries(
    st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,5}\Z"),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9),
    max_size=4,
)


@given(env=ENTRIES, hold_ms=st.integers(0, 10**9), replicas=st.integers(1, 99))
def test_a_merged_file_says_the_same_when_it_is_loaded_again(
    env: dict[str, str], hold_ms: int, replicas: int
) -> None:
    literal = {key: value.replace("$", "$$") for key, value in env.items()}
    section = {
        "run": {"command": "serve $port", "env": literal, "replicas": str(replicas)},
        "shift": {"hold": shown_duration(hold_ms / 1000)},
        "watch": {"patience": "100d"},
    }
    document = {"turnout": "1", "services": {"guard": section}}
    first = loaded(json.dumps(document, ensure_ascii=False).encode())
    assert not first.mistakes, first.printed()
    again = loaded(render_resolved(first.environments["local"]).encode())
    assert again.environments["local"].services == first.environments["local"].services


@given(st.integers(0, 10**11))
def test_a_duration_is_the_same_after_it_was_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert duration(shown_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


@given(st.lists(st.sampled_from(["$version", "$$version", "$PORT", "$port", "a", " ", "$"])))
def test_a_doubled_sign_is_never_a_placeholder(parts: list[str]) -> None:
    text = " ".join(parts)
    put = replaced(text, {"version": "v1"})
    assert put.split() == [
        {"$version": "v1", "$$version": "$version"}.get(part, part) for part in text.split()
    ]
    assert words_in(text).count("version") == parts.count("$version")


@given(st.sampled_from(sorted(BUILT)))
def test_a_built_key_stands_under_built_keys_only(key: str) -> None:
    parts = key.split(".")
    around = [".".join(parts[:end]) for end in range(1, len(parts)) if parts[end - 1] != "*"]
    assert set(around) <= set(BUILT)
