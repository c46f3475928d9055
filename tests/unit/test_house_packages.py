"""What is installed: pinned by hash, without addresses, declared with a reason, freely licensed."""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("PSF-2.0", "Zlib"),
}
# What packages say without an expression, read by a person. A package that is not among them
# and has no expression is refused.
READ_BY_A_PERSON = {
    "apsw": "any-OSI",
    "h11": "MIT",
    "markdown-it-py": "MIT License",
    "mdurl": "MIT License",
    "protobuf": "3-Clause BSD License",
    "pyyaml": "MIT",
    "rich": "MIT",
}
MOST_DIRECT = 25


def pins(lock: Path) -> Iterator[tuple[Requirement, int]]:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line and line[0] not in " #":
            words, *hashes = line.split("--hash=sha256:")
            yield Requirement(words), len(hashes)


def pinned_here(name: str) -> Iterator[Requirement]:
    for pin, _ in pins(ROOT / "requirements" / name):
        if pin.marker is None or pin.marker.evaluate():
            yield pin


def declared() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def licence_of(name: str) -> str:
    known = metadata.metadata(name).json
    kinds = [line for line in known.get("classifier", []) if line.startswith("License ::")]
    classified = " AND ".join(line.rpartition(" :: ")[2] for line in kinds)
    return str(known.get("license_expression") or known.get("license") or classified)


def test_there_are_four_lock_files() -> None:
    assert [lock.name for lock in LOCKS] == ["base.txt", "build.txt", "demo.txt", "dev.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_one_version_with_hashes_and_no_address(lock: Path) -> None:
    for pin, hashes in pins(lock):
        assert hashes >= 1, pin.name
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), pin.name
        assert pin.url is None, pin.name
    assert "://" not in lock.read_text(encoding="utf-8")
    assert "index-url" not in lock.read_text(encoding="utf-8")


def test_the_lock_files_agree_with_each_other() -> None:
    of_dev = {(pin.name, str(pin.specifier)) for pin, _ in pins(ROOT / "requirements/dev.txt")}
    for name in ("base.txt", "demo.txt"):
        assert {(p.name, str(p.specifier)) for p, _ in pins(ROOT / "requirements" / name)} <= of_dev


def test_the_locks_hold_what_the_project_declares() -> None:
    groups = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]
    locked = {canonicalize_name(pin.name): pin for pin in pinned_here("dev.txt")}
    for wanted in [*declared(), *groups]:
        [version] = locked[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(version.version), wanted.name


def test_the_build_takes_what_the_project_asks_for() -> None:
    locked = {f"{pin.name}{pin.specifier}" for pin, _ in pins(ROOT / "requirements/build.txt")}
    assert set(PROJECT["build-system"]["requires"]) <= locked


def test_every_dependency_has_its_reason_on_the_page() -> None:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    run_time, _, _ = page.partition("## For work on Turnout")
    assert {row.lower() for row in re.findall(r"^\| ([\w-]+) \|", run_time, re.MULTILINE)} - {
        "package"
    } == {wanted.name.lower() for wanted in declared()}
    for line in PROJECT["dependency-groups"]["dev"]:
        assert Requirement(line).name in page


def test_few_packages_are_asked_for_at_run_time() -> None:
    assert len(PROJECT["project"]["dependencies"]) <= MOST_DIRECT


def test_every_package_that_users_get_is_freely_licensed() -> None:
    for pin in pinned_here("demo.txt"):
        said = licence_of(pin.name)
        if pin.name in READ_BY_A_PERSON:
            assert said == READ_BY_A_PERSON[pin.name], pin.name
            continue
        alternatives = [set(re.findall(r"[\w.+-]+", part)) for part in said.split(" OR ")]
        assert any(words - {"AND", "OR"} <= PERMISSIVE for words in alternatives), (pin.name, said)
