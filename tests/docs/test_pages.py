"""What README and docs show is run, or compared with what it speaks of.

A page is one session in one folder: its blocks are taken in order. Comments steer it, unseen by
readers: `<!-- given: FOLDER -->` copies files in, `<!-- file: NAME -->` writes the next block to
a file, `<!-- runs: system -->` says that the page starts real parts.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from turnout.entrypoints.release_file import load

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PLACES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
PAGES = sorted(place for place in PLACES if place.name != "AGENTS.md")
PART = re.compile(
    r"^<!-- (?P<order>given|file|runs): (?P<value>\S+) -->$"
    r"|^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SHOWN_PORT = re.compile(r"\b8000\b")
COMMAND_S, PAGE_S = 240, 600


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str
    file: str | None


@dataclass(slots=True)
class Page:
    place: Path
    blocks: list[Block] = field(default_factory=list)
    given: list[Path] = field(default_factory=list)
    is_system: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    command: str
    shown: str


def read(place: Path) -> Page:
    page, file = Page(place), None
    for part in PART.finditer(place.read_text(encoding="utf-8")):
        match part["order"]:
            case "given":
                page.given.append(ROOT / part["value"])
            case "file":
                file = part["value"]
            case "runs":
                page.is_system = True
            case _:
                page.blocks.append(Block(part["language"], part["text"], file))
                file = None
    return page


def steps_of(block: Block) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield Step(command.strip(), shown)


def short(place: Path) -> str:
    return str(place.relative_to(ROOT))


def blocks_in(language: str) -> list[tuple[str, Page, Block]]:
    pages = [read(place) for place in PAGES]
    return [
        (f"{short(page.place)}:{number}", page, block)
        for page in pages
        for number, block in enumerate(page.blocks, 1)
        if block.language == language
    ]


def table(language: str) -> pytest.MarkDecorator:
    found = blocks_in(language)
    rows = [pytest.param(page, block, id=name) for name, page, block in found]
    return pytest.mark.parametrize(("page", "block"), rows)


def sessions() -> list[object]:
    pages = [page for page in map(read, PAGES) if any(b.language == "console" for b in page.blocks)]
    marks = {page.place: [pytest.mark.system] if page.is_system else [] for page in pages}
    return [pytest.param(p, id=short(p.place), marks=marks[p.place]) for p in pages]


def surroundings() -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "GUARD_API_KEY": "k",
        "NO_COLOR": "1",
    }


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def write_files(page: Page, folder: Path, port: str) -> None:
    for given in page.given:
        shutil.copytree(given, folder, dirs_exist_ok=True)
    for block in page.blocks:
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(SHOWN_PORT.sub(port, block.text), encoding="utf-8")


@cache
def help_of(*words: str) -> str:
    command = [str(BIN / "turnout"), *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings())
    assert done.returncode == 0, f"{' '.join(words)} is no command: {done.stderr[-300:]}"
    return done.stdout


@pytest.mark.parametrize("place", PAGES, ids=short)
def test_every_block_says_what_it_is(place: Path) -> None:
    languages = [block.language for block in read(place).blocks]
    assert [lang for lang in languages if lang not in {"console", "yaml", "python"}] == []
    assert place.read_text(encoding="utf-8").count("```") == 2 * len(languages)


@table("yaml")
def test_a_release_file_that_is_shown_is_accepted(page: Page, block: Block, tmp_path: Path) -> None:
    write_files(page, tmp_path, "8000")
    assert block.text.startswith("turnout: 1\n")
    loaded = load(tmp_path / (block.file or "turnout.yaml"))
    assert not loaded.mistakes, loaded.printed()


@table("python")
def test_a_program_that_is_shown_is_python(page: Page, block: Block) -> None:
    compile(block.text, short(page.place), "exec")
    assert block.file, "a program without a name is run by nothing"


@table("console")
def test_a_command_that_is_shown_is_known(page: Page, block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for step in steps_of(block):
        program, *words = step.command.split()
        assert program in {"turnout", "make", "curl", "python", "echo"}, short(page.place)
        if program == "make":
            assert f"\n{words[0]}:" in makefile
        if program == "turnout":
            known = help_of(words[0])
            flags = {word.partition("=")[0] for word in words if word.startswith("-")}
            assert [flag for flag in flags if not re.search(rf"{flag}\b", known)] == []


@pytest.mark.parametrize("place", PAGES, ids=short)
def test_a_command_that_is_named_is_known(place: Path) -> None:
    text = place.read_text(encoding="utf-8")
    for verb in sorted(set(re.findall(r"`turnout ([a-z][a-z-]*)", text))):
        assert help_of(verb)


@pytest.mark.parametrize("place", PAGES, ids=short)
def test_every_link_leads_to_a_place_that_exists(place: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", place.read_text(encoding="utf-8")):
        assert (place.parent / target).exists(), target


def test_every_page_is_reached_from_the_first_one() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        place = waiting.pop()
        reached.add(place)
        links = re.findall(r"\]\(([^)#:]+\.md)", place.read_text(encoding="utf-8"))
        found = {(place.parent / link).resolve() for link in links}
        waiting += found - reached
    assert {short(p) for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in reached} == set()


@pytest.mark.parametrize("page", sessions())
@pytest.mark.timeout(PAGE_S)
def test_a_page_does_what_it_shows(page: Page, tmp_path: Path) -> None:
    port = free_port()
    write_files(page, tmp_path, port)
    with ExitStack() as ends:
        if page.is_system:
            ends.callback(call, "turnout down --yes", tmp_path)
        exit_code, asked = 0, "0"
        for step in (s for b in page.blocks if b.language == "console" for s in steps_of(b)):
            command = SHOWN_PORT.sub(port, step.command)
            if command == "echo $?":
                asked = step.shown.strip()
                assert str(exit_code) == asked, "the exit code"
                exit_code = 0
                continue
            assert exit_code == 0, f"before `{command}`"
            exit_code = run(command, step.shown, tmp_path, ends)
        assert exit_code == 0


def run(command: str, shown: str, folder: Path, ends: ExitStack) -> int:
    if command.startswith("make "):
        return 0  # the targets are what runs these tests, and the demo has its own
    if command.endswith("&"):
        words = command.rstrip("& ").split()
        program = subprocess.Popen(words, cwd=folder, env=surroundings())
        ends.callback(program.wait, 5)
        ends.callback(program.kill)
        return 0
    done = call(command, folder)
    if shown.strip():
        wanted = ".*".join(map(re.escape, shown.strip().split("...")))
        assert re.fullmatch(wanted, done.stdout.strip(), re.DOTALL), done.stdout
    return done.returncode


def call(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("bash") or "sh"
    return subprocess.run(
        [shell, "-c", command],
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )
