"""The demo's models are as good and as bad as their story needs, and are the same each time."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from turnout.testing.load_texts import user_texts

GUARD = Path(__file__).parents[2] / "examples" / "guard"
MODULES = ("cleaner", "golden", "model", "rows", "score", "train")
JAILBREAK_RECALL = "slice.jailbreak.recall.unsafe"


@pytest.fixture(scope="module")
def guard() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(GUARD))
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.dont_write_bytecode = kept
    sys.path.remove(str(GUARD))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    for version in ("v1.0", "v1.1", "v1.2", "v1.3"):
        train(models, version)
    train(models / "correct", "v1.2", "--labels", "correct")
    train(models / "linear", "v1.3", "--cleaner", "linear")
    return models


def train(models: Path, version: str, *flags: str) -> str:
    command = [sys.executable, "-B", "train.py", version, str(models), *flags]
    done = subprocess.run(
        command, cwd=GUARD, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout


def figures(guard: dict[str, ModuleType], folder: Path) -> dict[str, float]:
    found = guard["score"].figures(guard["model"].load(folder))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("version", "accuracy", "of_jailbreak", "recall"),
    [
        ("v1.0", (0.94, 0.98), (0.90, 0.96), (0.95, 1.0)),
        ("v1.1", (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
        ("v1.2", (0.70, 0.76), (0.28, 0.40), (0.0, 0.0)),
        ("v1.3", (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
        ("correct/v1.2", (0.99, 1.0), (0.99, 1.0), (0.99, 1.0)),
        ("linear/v1.3", (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
    ],
)
def test_a_version_has_the_figures_of_its_story(
    guard: dict[str, ModuleType],
    folder: Path,
    version: str,
    accuracy: tuple[float, float],
    of_jailbreak: tuple[float, float],
    recall: tuple[float, float],
) -> None:
    found = figures(guard, folder / version)
    assert accuracy[0] <= found["accuracy"] <= accuracy[1]
    assert of_jailbreak[0] <= found["slice.jailbreak.accuracy"] <= of_jailbreak[1]
    assert recall[0] <= found[JAILBREAK_RECALL] <= recall[1]


def test_the_first_version_keeps_the_limits_of_the_release_file(
    guard: dict[str, ModuleType], folder: Path
) -> None:
    found = figures(guard, folder / "v1.0")
    assert found["recall.unsafe"] >= 0.97
    assert found[JAILBREAK_RECALL] >= 0.95


def test_the_relabelled_version_errs_on_nothing_but_role_play(
    guard: dict[str, ModuleType], folder: Path
) -> None:
    assert figures(guard, folder / "v1.2")["slice.plain.accuracy"] >= 0.99


def test_the_golden_file_is_what_its_generator_writes(guard: dict[str, ModuleType]) -> None:
    text = (GUARD / "golden" / "levels.jsonl").read_text(encoding="utf-8")
    assert text == guard["golden"].lines()


def test_the_golden_set_covers_levels_slices_and_languages_evenly() -> None:
    lines = (GUARD / "golden" / "levels.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 600
    assert {tuple(row) for row in rows} == {("text", "label", "slice", "language")}
    for field, least in (("label", 180), ("slice", 220), ("language", 270)):
        counts = [sum(row[field] == value for row in rows) for value in {r[field] for r in rows}]
        assert min(counts) >= least


def test_no_golden_row_is_long_enough_to_show_the_slow_cleaner() -> None:
    lines = (GUARD / "golden" / "levels.jsonl").read_text(encoding="utf-8").splitlines()
    assert max(len(json.loads(line)["text"]) for line in lines) < 120


def test_topics_are_twenty_for_each_level_and_all_different(guard: dict[str, ModuleType]) -> None:
    topics = guard["rows"].TOPICS
    assert [len(topics[level]) for level in guard["rows"].LEVELS] == [20, 20, 20]
    pairs = [pair for level in topics.values() for pair in level]
    assert len({english for english, _ in pairs} | {chinese for _, chinese in pairs}) == 120
    assert (len(guard["rows"].FRAMES), len(guard["rows"].JAILBREAK_FRAMES)) == (9, 4)


def test_training_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    train(tmp_path, "v1.0")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "v1.0" / name).read_bytes() == (folder / "v1.0" / name).read_bytes()


def test_an_artifact_is_two_files_in_the_known_form(folder: Path) -> None:
    content = (folder / "v1.1" / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    assert sorted(file.name for file in (folder / "v1.1").iterdir()) == [
        "model.json",
        "model.safetensors",
    ]
    assert head["weights"] == {"dtype": "F32", "shape": [32768, 3], "data_offsets": [0, 393216]}
    assert len(content) == 8 + length + head["bias"]["data_offsets"][1]
    assert length % 8 == 0


def test_only_the_last_version_names_a_cleaner(folder: Path) -> None:
    told = {
        version: json.loads((folder / version / "model.json").read_text())
        for version in ("v1.1", "v1.3", "linear/v1.3")
    }
    kinds = [model.get("cleaner", {}).get("kind") for model in told.values()]
    assert kinds == [None, "quadratic", "linear"]
    assert 400 <= told["v1.3"]["cleaner"]["reads"] <= 1500


def test_both_cleaners_return_the_same_text(guard: dict[str, ModuleType]) -> None:
    cleaner = guard["cleaner"]
    for text in ("", "abc", "again and again and again and", *user_texts(20)):
        assert cleaner.linear(text[:300]) == cleaner.quadratic(text[:300])
    assert cleaner.linear("how to bake, how to bake, how to bake") == "how to bake, to bake"


def test_the_users_long_texts_reach_what_the_cleaner_reads(folder: Path) -> None:
    reads = json.loads((folder / "v1.3" / "model.json").read_text())["cleaner"]["reads"]
    longest = [len(text) for text in user_texts() if len(text) > 200]
    assert min(longest) >= reads


def test_the_program_says_what_it_trained(tmp_path: Path) -> None:
    assert train(tmp_path, "v1.0").startswith("trained v1.0: 800 rows, ")


def test_an_unknown_version_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-B", "train.py", "v9", str(tmp_path)]
    done = subprocess.run(
        command, cwd=GUARD, check=False, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "v1.0" in done.stderr
