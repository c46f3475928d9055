"""The program without a controller: help, flags, ends, printing, and where it acts."""

import json
from pathlib import Path

import click
import pytest

from tests.unit.api_stage import run_program
from turnout.entrypoints.cli.durations import DURATION
from turnout.entrypoints.cli.ending import (
    LeaveError,
    ProblemError,
    code_of_outcome,
    exit_code_of,
)
from turnout.entrypoints.cli.guessing import example_text, guess
from turnout.entrypoints.cli.main import GROUPS, program
from turnout.entrypoints.cli.terminal import clean, percent, short_time, table
from turnout.entrypoints.release_file import load
from turnout.errors import (
    ActiveReleaseError,
    ArtifactError,
    BadInputError,
    ControllerUnreachableError,
    SignatureRefusedError,
    StoreError,
    UnknownReleaseError,
)

NAMES = [name for group in GROUPS.values() for name in group]
TINY = "turnout: 1\nservices:\n  guard: {run: serve --port $port, route: 8000}\n"


def test_the_help_shows_every_command_in_its_group() -> None:
    text = run_program("--help").output
    assert all(f"\n{title}:" in text for title in GROUPS)
    assert all(f"\n  {name} " in text for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_the_same_line_in_both_helps(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    line = next(group[name].line for group in GROUPS.values() if name in group)
    assert command.short_help == line
    assert command.name == name


@pytest.mark.parametrize("name", NAMES)
def test_every_command_knows_the_common_flags(name: str) -> None:
    text = run_program(name, "--help").output
    flags = ("--file", "--env", "--json", "--quiet", "--verbose", "--no-color", "--lang", "--yes")
    assert [flag for flag in flags if flag not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_command_has_one_flag_for_two_things(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    flags = [flag for parameter in command.params for flag in parameter.opts]
    assert len(flags) == len(set(flags))


def test_an_unknown_command_is_bad_input() -> None:
    assert run_program("relaese").exit_code == 2


def test_an_unknown_flag_is_bad_input() -> None:
    assert run_program("status", "--colour").exit_code == 2


# --- ends


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInputError("x"), 2),
        (UnknownReleaseError("x"), 2),
        (ArtifactError("x"), 2),
        (SignatureRefusedError("x"), 4),
        (ActiveReleaseError("x"), 4),
        (ControllerUnreachableError("x"), 6),
        (StoreError("x"), 1),
        (ProblemError(400, "input", "x"), 2),
        (ProblemError(403, "peer.refused", "x"), 4),
        (ProblemError(404, "release.unknown", "x"), 2),
        (ProblemError(409, "release.active", "x"), 4),
        (ProblemError(422, "file.invalid", "x"), 2),
        (ProblemError(500, "turnout", "x"), 1),
        (ProblemError(503, "fenced", "x"), 6),
        (LeaveError(5, "x"), 5),
        (click.UsageError("x"), 2),
        (click.exceptions.Exit(0), 0),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_end_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(error) == code
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        *((None, 0), ("promoted", 0), ("refused", 4), ("worse", 3), ("limit", 3)),
        *(("breakage", 3), ("crashed", 3), ("aborted", 3), ("superseded", 3), ("failed", 3)),
    ],
)
def test_every_outcome_has_its_exit_code(outcome: str | None, code: int) -> None:
    assert code_of_outcome(outcome) == code


def test_a_crash_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(ZeroDivisionError("by zero")) == 1
    words = capsys.readouterr().err.split()
    place = Path(words[-1])
    assert "ZeroDivisionError" in place.read_text(encoding="utf-8")
    assert place.stat().st_mode & 0o777 == 0o600
    place.unlink()


def test_an_error_is_said_once_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(BadInputError("the sky is too low"))
    assert capsys.readouterr().err == "error: the sky is too low\n"


def test_mistakes_of_a_file_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(BadInputError("error[T101]: no such key"))
    assert capsys.readouterr().err == "error[T101]: no such key\n"


# --- printing


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 版本", "plain 版本"),
        ("\x1b[31mred", "?[31mred"),
        ("a\u202eb", "a?b"),
        ("bell\x07", "bell?"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("over\rwritten", "over?written"),
    ],
    ids=["plain", "escape", "direction", "bell", "lines", "return"],
)
def test_nothing_foreign_acts_on_the_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_columns_are_aligned_for_wide_signs_too() -> None:
    lines = table(("A", "B"), [("版本", "x"), ("word", "y")]).splitlines()
    assert lines == ["A     B", "版本  x", "word  y"]


@pytest.mark.parametrize(
    ("seconds_s", "shown"),
    [(0.9, "0 s"), (59.0, "59 s"), (60.0, "1 min"), (7200.0, "2 h"), (200_000.0, "2 d")],
)
def test_a_length_of_time_has_one_unit(seconds_s: float, shown: str) -> None:
    assert short_time(seconds_s) == shown


def test_a_share_is_shown_as_percent() -> None:
    assert [percent(share) for share in (0.0, 0.05, 0.125, 1.0)] == [
        "0 %",
        "5 %",
        "12.5 %",
        "100 %",
    ]


@pytest.mark.parametrize(
    ("text", "seconds_s"),
    [("30s", 30.0), ("5m", 300.0), ("1h30m", 5400.0), ("500ms", 0.5), ("2d", 172_800.0)],
)
def test_a_length_of_time_is_read_with_its_unit(text: str, seconds_s: float) -> None:
    assert DURATION.convert(text, None, None) == seconds_s


@pytest.mark.parametrize("text", ["30", "s", "5 m", "1h30", "-3s", "soon"])
def test_a_length_of_time_without_its_unit_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 30s"):
        DURATION.convert(text, None, None)


# --- where it acts


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_without_a_release_file_is_told_so(here: Path) -> None:
    done = run_program("status")
    assert done.exit_code == 2
    assert "turnout init" in str(done.exception)
    assert list(here.iterdir()) == []


def test_the_release_file_is_found_in_a_folder_above(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    (here / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(here / "deep" / "er")
    assert run_program("check").exit_code == 0


def test_a_named_file_that_is_not_there_is_bad_input(here: Path) -> None:
    assert run_program("check", "missing.yaml").exit_code == 2
    assert run_program("status", "-f", str(here / "missing.yaml")).exit_code == 2


def test_looking_at_a_folder_without_a_store_names_the_first_step(here: Path) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    done = run_program("status")
    assert done.exit_code == 2
    assert "turnout release" in str(done.exception)
    assert not (here / ".turnout").exists()


def test_down_where_nothing_was_begun_does_nothing(here: Path) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    assert run_program("down", "--yes").exit_code == 0
    assert not (here / ".turnout").exists()


def test_without_a_terminal_the_end_of_everything_needs_a_yes(here: Path) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    (here / ".turnout").mkdir()
    done = run_program("down")
    assert done.exit_code == 2
    assert "--yes" in str(done.exception)


# --- check, init, explain of codes


def test_all_mistakes_are_said_at_once(here: Path) -> None:
    (here / "turnout.yaml").write_text("turnout: 1\nservices:\n  a: {runn: x, bake: 3}\n", "utf-8")
    done = run_program("check")
    assert done.exit_code == 2
    assert "error[T101]" in done.output
    assert "error[T105]" in done.output


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_mistakes_are_told_to_machines(here: Path, form: str) -> None:
    (here / "turnout.yaml").write_text("turnout: 1\nservices:\n  a: {runn: x}\n", "utf-8")
    assert "T101" in json.dumps(json.loads(run_program("check", "--format", form).output))


def test_json_is_the_form_of_the_json_flag(here: Path) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    assert json.loads(run_program("check", "--json").output) is not None


def test_a_mistake_is_explained_by_its_code(here: Path) -> None:
    assert "Weights only grow" in run_program("explain", "T201").output
    told = json.loads(run_program("explain", "t201", "--json").output)
    assert (told["turnout"], told["kind"], told["code"]) == (1, "mistake", "T201")
    assert list(here.iterdir()) == []


def test_a_first_file_is_written_and_holds(here: Path) -> None:
    (here / "serve.py").write_text("parser.add_argument('--port')", encoding="utf-8")
    assert run_program("init").exit_code == 0
    loaded = load(here / "turnout.yaml")
    assert not loaded.mistakes, loaded.printed()


def test_a_file_that_is_there_is_not_touched(here: Path) -> None:
    (here / "turnout.yaml").write_text(TINY, encoding="utf-8")
    assert run_program("init").exit_code == 2
    assert (here / "turnout.yaml").read_text(encoding="utf-8") == TINY


@pytest.mark.parametrize("name", ["tiny", "guard"])
def test_an_example_is_written_as_it_stands(here: Path, name: str) -> None:
    run_program("init", "--example", name)
    assert (here / "turnout.yaml").read_text(encoding="utf-8") == example_text(name)


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({"app.py": "app = FastAPI()\n"}, "python -m uvicorn app:app --port $port"),
        ({"main.py": "web = Flask(__name__)\n"}, "python -m uvicorn main:web --port $port"),
        ({"serve.py": "add('--port')\n"}, "python serve.py --port $port"),
        ({"server.py": "os.environ['PORT']\n"}, "run: python server.py\n"),
        ({"go.mod": "module x\n"}, "./server --port $port"),
        ({"package.json": "{}"}, "npm start"),
        ({}, "python serve.py --port $port"),
    ],
    ids=["fastapi", "flask", "flag", "variable", "go", "node", "nothing"],
)
def test_a_command_is_guessed_from_what_lies_there(
    tmp_path: Path, files: dict[str, str], part: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    text, because = guess(folder)
    assert part in text
    assert len(because) >= 2


@pytest.mark.parametrize(
    ("folder", "service"),
    [("Guard Model", "guard-model"), ("7up", "service-7up"), ("___", "service")],
)
def test_the_service_is_named_after_the_folder(tmp_path: Path, folder: str, service: str) -> None:
    (tmp_path / folder).mkdir()
    text, _ = guess(tmp_path / folder)
    assert f"\n  {service}:\n" in text


def test_a_folder_of_models_makes_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "serve.py").write_text("add('--port', '--model')", encoding="utf-8")
    text, _ = guess(tmp_path)
    assert "artifact: models/$version" in text
    assert "--model $artifact" in text
