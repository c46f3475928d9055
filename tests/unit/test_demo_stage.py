"""The demonstration's folder: the guard's project with its own port, steps and key."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from turnout.domain.route import WHOLE_BP
from turnout.entrypoints.demo.stage import Stage, TrainingError, guard_folder
from turnout.entrypoints.release_file import load
from turnout.entrypoints.release_file.domain_values import to_domain


def laid(folder: Path, *, fast: bool) -> Stage:
    stage = Stage(root=folder / "demo", port=18_765)
    stage.lay(fast=fast)
    return stage


@pytest.mark.parametrize(
    ("fast", "steps"),
    [(True, [(0.5, 20.0), (1.0, 3.0)]), (False, [(0.1, 30.0), (0.5, 20.0), (1.0, 3.0)])],
    ids=["fast", "whole"],
)
def test_the_file_is_accepted_and_names_its_own_steps(
    tmp_path: Path, *, fast: bool, steps: list[tuple[float, float]]
) -> None:
    stage = laid(tmp_path, fast=fast)
    loaded = load(stage.root / "turnout.yaml")
    assert not loaded.mistakes, loaded.printed()
    plan = to_domain(loaded, "guard", "v1.1", None).plan
    assert [(step.weight_bp / WHOLE_BP, step.hold_s) for step in plan.steps] == steps
    assert plan.route.listen.port == 18_765


def test_every_margin_stands_in_the_file(tmp_path: Path) -> None:
    text = (laid(tmp_path, fast=True).root / "turnout.yaml").read_text(encoding="utf-8")
    margins = dict(re.findall(r"([\w.]+): \{worse_by: (\w+%?)\}", text))
    assert margins == {
        "errors": "2pp",
        "stream_errors": "2pp",
        "latency.p90": "20%",
        "ttft.p90": "20%",
    }


def test_instances_run_under_the_interpreter_of_the_demonstration(tmp_path: Path) -> None:
    text = (laid(tmp_path, fast=True).root / "turnout.yaml").read_text(encoding="utf-8")
    assert f"command: {shlex.quote(sys.executable)} serve.py" in text


def test_nothing_of_an_earlier_life_of_the_example_is_copied(tmp_path: Path) -> None:
    root = laid(tmp_path, fast=True).root
    assert {place.name for place in (root / "keys").iterdir()} == {"release.key", "release.pub"}
    assert not (root / "models").exists()
    assert not list(root.rglob("__pycache__"))
    assert (guard_folder() / "serve.py").exists()


async def test_a_trained_version_lies_signed_in_the_folder(tmp_path: Path) -> None:
    stage = laid(tmp_path, fast=True)
    await stage.train("v1.0", (), os.environ)
    names = {place.name for place in (stage.root / "models" / "v1.0").iterdir()}
    assert {"model.json", "model.sig"} <= names


async def test_a_training_that_fails_says_what_it_wrote(tmp_path: Path) -> None:
    stage = laid(tmp_path, fast=True)
    with pytest.raises(TrainingError, match=r"v1\.0 could not be trained: .*argument --cleaner"):
        await stage.train("v1.0", ("--cleaner", "unknown"), os.environ)
