"""Merging: the order of layers, removal, includes and their places, paths of included files."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from turnout.entrypoints.release_file import Loaded, load
from turnout.entrypoints.release_file.nodes import node_at, text_at
from turnout.entrypoints.release_file.rendering import render_resolved

LAYERS = {
    "environments.e.services": "bake: 5m",
    "environments.e.defaults": "bake: 4m",
    "services": "bake: 3m",
    "defaults": "bake: 2m",
    "include": "bake: 1m",
}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder / "turnout.yaml"


def with_layers(folder: Path, layers: Mapping[str, str]) -> Loaded:
    def section(name: str) -> str:
        return f"{{{layers.get(name, '')}}}"

    text = (
        "turnout: 1\ninclude: [inc.yaml]\n"
        f"environments:\n  e:\n    defaults: {section('environments.e.defaults')}\n"
        f"    services: {{g: {section('environments.e.services')}}}\n"
        f"defaults: {section('defaults')}\n"
        f"services:\n  g: {{run: serve, {layers.get('services', '')}}}\n"
    )
    included = f"defaults: {section('include')}\n"
    return load(written(folder, {"turnout.yaml": text, "inc.yaml": included}))


@pytest.mark.parametrize("first", range(5))
def test_the_nearest_of_all_layers_wins(first: int, tmp_path: Path) -> None:
    layers = dict(list(LAYERS.items())[first:])
    loaded = with_layers(tmp_path, layers)
    assert not loaded.mistakes
    assert loaded.environments["e"].services["g"].bake == 60.0 * (5 - first)


def test_without_any_layer_the_built_in_one_holds(tmp_path: Path) -> None:
    assert with_layers(tmp_path, {}).environments["e"].services["g"].bake == 86_400.0


def test_the_newcomers_environment_has_its_own_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, {"turnout.yaml": "turnout: 1\nservices: {g: {run: serve}}\n"})
    local = load(file).environments["local"].services["g"]
    assert local.shift is not None
    assert local.shift.steps is not None
    assert [step.weight for step in local.shift.steps] == [1000, 5000, 10_000]
    assert (local.shift.hold, local.bake) == (10.0, 600.0)
    assert local.watch is not None
    assert set(local.watch.figures) == {"errors", "stream_errors", "latency.p90", "ttft.p90"}


def test_maps_merge_key_by_key_and_lists_replace(tmp_path: Path) -> None:
    loaded = with_layers(
        tmp_path,
        {
            "defaults": "run: {env: {A: a, B: b}}, shift: {steps: [5%, 100%], hold: 1h}",
            "environments.e.services": "run: {env: {B: c}}, shift: {steps: [100%]}",
        },
    )
    service = loaded.environments["e"].services["g"]
    assert service.run is not None
    assert service.shift is not None
    assert service.run.env == {"A": "a", "B": "c"}
    assert [step.weight for step in service.shift.steps or ()] == [10_000]
    assert service.shift.hold == 3600.0


def test_an_empty_value_in_an_override_removes_what_is_inherited(tmp_path: Path) -> None:
    loaded = with_layers(
        tmp_path,
        {"defaults": "route: 8000", "environments.e.services": "route: , watch: {figures: }"},
    )
    service = loaded.environments["e"].services["g"]
    assert service.route is None
    assert service.watch is not None
    assert service.watch.figures == {}


def test_a_service_may_remove_what_defaults_give_and_nothing_else(tmp_path: Path) -> None:
    loaded = with_layers(tmp_path, {"defaults": "route: 8000", "services": "route: "})
    assert loaded.environments["e"].services["g"].route is None
    told = with_layers(tmp_path, {"defaults": "route: ", "services": "warm: "}).mistakes
    assert [(mistake.code, mistake.field) for mistake in told] == [
        ("T106", "route"),
        ("T106", "warm"),
    ]


def test_a_short_form_merges_with_the_long_form_of_another_layer(tmp_path: Path) -> None:
    loaded = with_layers(tmp_path, {"defaults": "route: 8000", "services": "route: {timeout: 5s}"})
    route = loaded.environments["e"].services["g"].route
    assert route is not None
    assert (route.listen, route.timeout) == ("127.0.0.1:8000", 5.0)


def test_a_choice_replaces_another_choice_and_merges_with_its_own(tmp_path: Path) -> None:
    files = {
        "turnout.yaml": "turnout: 1\ninclude: [a.yaml]\nenvironments: {e: {runtime: process}}\n"
        "services: {g: {run: serve}}\n",
        "a.yaml": "environments: {e: {runtime: {container: {network: n}}}}\n",
    }
    loaded = load(written(tmp_path, files))
    # The included choice is told of at its place, and does not stand beside the other one.
    assert [mistake.code for mistake in loaded.mistakes] == ["T120"]


def test_every_value_knows_the_layer_it_comes_from(tmp_path: Path) -> None:
    loaded = with_layers(tmp_path, {"include": "bake: 1m", "services": "retire: {drain: 1m}"})
    tree = loaded.environments["e"].tree
    bake, drain = (
        node_at(tree, ("services", "g", "bake")),
        node_at(tree, ("services", "g", "retire", "drain")),
    )
    assert bake is not None
    assert drain is not None
    assert (bake.place.file, bake.place.line) == ("inc.yaml", 1)
    assert (drain.place.file, drain.place.line) == ("turnout.yaml", 9)


def test_paths_of_an_included_file_are_relative_to_it(tmp_path: Path) -> None:
    files = {
        "turnout.yaml": "turnout: 1\ninclude: [shared/a.yaml]\nservices: {g: {run: serve}}\n",
        "shared/a.yaml": "include: [deep/b.yaml]\n"
        "defaults: {artifact: {source: models/$version}, run: {secrets: {K: file:key}}}\n",
        "shared/deep/b.yaml": "defaults: {warm: {requests: warm.jsonl}, run: {folder: ../.}}\n",
        "shared/deep/warm.jsonl": "{}\n",
    }
    loaded = load(written(tmp_path, files))
    assert not loaded.mistakes, loaded.printed()
    tree = loaded.environments["local"].tree
    section = ("services", "g")
    assert text_at(tree, *section, "artifact", "source") == "shared/models/$version"
    assert text_at(tree, *section, "warm", "requests") == "shared/deep/warm.jsonl"
    assert text_at(tree, *section, "run", "secrets", "K") == "file:shared/key"


def test_a_mistake_in_an_included_file_stands_in_that_file(tmp_path: Path) -> None:
    files = {
        "turnout.yaml": "turnout: 1\ninclude: [a.yaml]\nservices: {g: {run: serve, bake: 1m}}\n",
        "a.yaml": "defaults:\n  bake: 5\n",
    }
    [mistake] = load(written(tmp_path, files)).mistakes
    assert (mistake.code, mistake.place.file, mistake.place.line) == ("T105", "a.yaml", 2)


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({"a.yaml": "include: [turnout.yaml]\n"}, "T210", "turnout.yaml → a.yaml → turnout.yaml"),
        ({"a.yaml": "include: [./a.yaml]\n"}, "T210", "a.yaml → a.yaml"),
        ({}, "T213", "`a.yaml` does not exist"),
        ({"a.yaml": "turnout: 2\n"}, "T010", "the file says `2`"),
        ({"a.yaml": "a: b: c\n"}, "T002", "mapping values"),
        ({"a.yaml": "- a\n"}, "T104", "must be a group of keys"),
    ],
    ids=["circle", "itself", "missing", "later schema", "not YAML", "a list"],
)
def test_an_include_that_cannot_be_read_is_told(
    files: Mapping[str, str], code: str, said: str, tmp_path: Path
) -> None:
    text = "turnout: 1\ninclude: [a.yaml]\nservices: {g: {run: serve}}\n"
    mistakes = load(written(tmp_path, {"turnout.yaml": text, **files})).mistakes
    assert [mistake.code for mistake in mistakes] == [code]
    assert said in mistakes[0].text


def test_an_address_is_not_included(tmp_path: Path) -> None:
    text = "turnout: 1\ninclude: ['https://example.com/a.yaml']\nservices: {g: {run: serve}}\n"
    [mistake] = load(written(tmp_path, {"turnout.yaml": text})).mistakes
    assert (mistake.code, mistake.place.line) == ("T213", 2)


@pytest.mark.parametrize(("depth", "codes"), [(8, []), (9, ["T210"])])
def test_files_include_each_other_eight_deep(depth: int, codes: list[str], tmp_path: Path) -> None:
    files = {f"{at}.yaml": f"include: [{at + 1}.yaml]\n" for at in range(1, depth)}
    files[f"{depth}.yaml"] = "defaults: {bake: 1m}\n"
    text = "turnout: 1\ninclude: [1.yaml]\nservices: {g: {run: serve}}\n"
    loaded = load(written(tmp_path, {"turnout.yaml": text, **files}))
    assert [mistake.code for mistake in loaded.mistakes] == codes


def test_names_are_shown_relative_to_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path / "a", {"turnout.yaml": "turnout: 2\n"})
    assert load(file).mistakes[0].place.file == "turnout.yaml"
    assert load(file, folder=tmp_path).mistakes[0].place.file == "a/turnout.yaml"


def test_the_merged_file_names_the_origin_of_each_value(tmp_path: Path) -> None:
    loaded = with_layers(tmp_path, {"include": "bake: 1m", "services": "route: 8000"})
    lines = render_resolved(loaded.environments["e"]).splitlines()
    [bake] = [line for line in lines if "bake:" in line]
    [listen] = [line for line in lines if "listen:" in line]
    [timeout] = [line for line in lines if line.strip().startswith("timeout:")]
    assert bake.split() == ["bake:", "1m", "#", "inc.yaml:1"]
    assert listen.split() == ["listen:", "127.0.0.1:8000", "#", "turnout.yaml:9"]
    assert timeout.split() == ["timeout:", "10m", "#", "default"]


def test_the_merged_file_can_be_loaded_and_says_the_same(tmp_path: Path) -> None:
    layers = {"defaults": 'run: {env: {A: "x: y # z", B: "", C: "null"}}', "include": "bake: 1m"}
    view = with_layers(tmp_path, layers).environments["e"]
    again = load(written(tmp_path, {"again.yaml": render_resolved(view)}).with_name("again.yaml"))
    assert not again.mistakes, again.printed()
    assert again.environments["e"].services == view.services


def test_a_project_without_a_name_has_that_of_its_folder(tmp_path: Path) -> None:
    text = "turnout: 1\nservices: {g: {run: serve}}\n"
    assert load(written(tmp_path / "shop", {"turnout.yaml": text})).project == "shop"
    named = {"turnout.yaml": f"{text}project: mine\n"}
    assert load(written(tmp_path / "shop", named)).project == "mine"
