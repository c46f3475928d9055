"""What users get: the package, its data and the demo's model, and nothing private."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
DATA = {".sql", ".json", ".jsonl", ".yaml", ".html", ".css", ".js", ".typed"}


def tree(folder: Path) -> Path:
    """Copy what is built, with the private things that a demo leaves in its example."""
    no_bytecode = shutil.ignore_patterns("__pycache__")
    for name in ("turnout", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=no_bytecode)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    for private in ("keys/release.key", "models/v1.0/model.json"):
        (folder / "examples/guard" / private).parent.mkdir(parents=True, exist_ok=True)
        (folder / "examples/guard" / private).write_text("private")
    return folder


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(command, cwd=tree(folder), check=True, capture_output=True, timeout=60)
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


@pytest.mark.timeout(60)
def test_the_wheel_holds_the_package_and_the_demo_but_nothing_private(tmp_path: Path) -> None:
    with ZipFile(build(tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    package = ROOT / "turnout"
    data = {f"turnout/{f.relative_to(package)}" for f in package.rglob("*") if f.suffix in DATA}
    assert data | {"turnout/examples/guard/serve.py", "turnout/examples/guard/train.py"} <= names
    assert {name.partition("/")[0] for name in names} == {"turnout"}
    private = ("/keys/", "/models/", ".key", ".pem", ".pub", ".db", "/__pycache__/")
    assert [name for name in names if any(mark in name for mark in private)] == []
    assert len(licences) == 1


@pytest.mark.timeout(60)
def test_two_builds_of_the_same_tree_are_the_same_bytes(tmp_path: Path) -> None:
    wheels = [build(tmp_path / name) for name in ("first", "second")]
    digests = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    assert len(digests) == 1
