"""What is printed of mistakes: the ten bad files, the forms, the page of each code."""

import json
import re
from pathlib import Path

import pytest

from turnout.entrypoints.release_file import Form, load
from turnout.entrypoints.release_file.codes import CODES, explained
from turnout.entrypoints.release_file.mistakes import FOREIGN, Mistake, nearest, printed
from turnout.entrypoints.release_file.nodes import Place
from turnout.entrypoints.release_file.reference import mistakes_page, release_file_page
from turnout.errors import BadInputError

BAD = Path(__file__).parents[1] / "data" / "release_file" / "bad"
PAGES = Path(__file__).parents[2] / "docs" / "reference"
PACKAGE = Path(__file__).parents[2] / "turnout" / "entrypoints" / "release_file"
SHOWN = [code for code, found in CODES.items() if found.wrong]


def loaded_text(text: str, folder: Path) -> set[str]:
    file = folder / "turnout.yaml"
    file.write_text(text, "utf-8")
    found = load(file)
    return {mistake.code for mistake in (*found.mistakes, *found.warnings)}


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_bad_file_prints_all_its_mistakes_as_recorded(file: Path) -> None:
    assert load(file).printed() + "\n" == file.with_suffix(".txt").read_text("utf-8")


@pytest.mark.parametrize("code", SHOWN)
def test_the_wrong_example_of_a_code_makes_that_mistake(code: str, tmp_path: Path) -> None:
    assert code in loaded_text(CODES[code].wrong, tmp_path)


@pytest.mark.parametrize("code", SHOWN)
def test_the_right_example_of_a_code_makes_no_mistake(code: str, tmp_path: Path) -> None:
    found = loaded_text(CODES[code].right, tmp_path)
    assert not {other for other in found if other.startswith("T")}
    assert code not in found


def test_every_code_in_the_source_has_its_page_and_the_reverse() -> None:
    sources = [file for file in PACKAGE.glob("*.py") if file.name != "codes.py"]
    used = {
        code for file in sources for code in re.findall(r'"([TW]\d{3})"', file.read_text("utf-8"))
    }
    unused = {code for code, found in CODES.items() if found.meaning.startswith("Reserved")}
    assert used == set(CODES) - unused


def test_the_page_of_a_code_shows_wrong_and_right() -> None:
    page = explained("t201")
    assert page.startswith("T201 steps\n")
    assert "[10%, 5%, 100%]" in page
    assert "[5%, 10%, 100%]" in page


def test_an_unknown_code_is_refused_with_the_range_of_codes() -> None:
    with pytest.raises(BadInputError, match="T001 to W390"):
        explained("T999")


@pytest.mark.parametrize(
    ("page", "written"),
    [("release-file.md", release_file_page), ("mistakes.md", mistakes_page)],
    ids=["release file", "mistakes"],
)
def test_a_reference_page_is_what_the_tables_say(page: str, written: object) -> None:
    assert callable(written)
    assert (PAGES / page).read_text("utf-8") == written()


def test_the_json_form_names_file_line_and_field() -> None:
    found = json.loads(load(BAD / "10-override.yaml").printed(Form.JSON))
    assert found["turnout"] == 1
    [row] = found["mistakes"]
    assert (row["code"], row["file"], row["line"], row["column"]) == (
        *("T105", "10-override.yaml", 6, 23),
    )
    assert row["field"] == "shift.hold"


def test_the_sarif_form_has_one_result_for_each_mistake() -> None:
    loaded = load(BAD / "03-meaning.yaml")
    [run] = json.loads(loaded.printed(Form.SARIF))["runs"]
    assert len(run["results"]) == len(loaded.mistakes) + len(loaded.warnings)
    regions = [row["locations"][0]["physicalLocation"]["region"] for row in run["results"]]
    assert all(region["endColumn"] > region["startColumn"] for region in regions)
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {row["ruleId"] for row in run["results"]} == known


def test_the_github_form_is_one_escaped_line_for_each_mistake() -> None:
    lines = load(BAD / "01-unknown-key.yaml").printed(Form.GITHUB).splitlines()
    assert len(lines) == 3
    start = "::error file=01-unknown-key.yaml,line=9,col=7,endColumn=10,title=T101::"
    assert lines[0].startswith(start)


def test_a_percent_sign_is_escaped_for_github() -> None:
    place = Place(file="turnout.yaml", line=1, column=1)
    mistake = Mistake(code="T202", text="the last step must be 100%", place=place)
    assert printed([mistake], {}, "turnout.yaml", Form.GITHUB).endswith("must be 100%25")


def test_a_file_without_mistakes_says_ok() -> None:
    assert printed([], {}, "turnout.yaml") == "turnout.yaml: ok"


def test_warnings_alone_change_nothing_and_are_counted_apart() -> None:
    place = Place(file="turnout.yaml", line=1, column=1)
    warning = Mistake(code="W302", text="streams would be cut", place=place)
    assert printed([warning], {}, "turnout.yaml").endswith("turnout.yaml: 1 warning.")


def test_a_caret_under_a_line_with_a_tab_stands_under_its_column() -> None:
    place = Place(file="f", line=1, column=3, length=2)
    mistake = Mistake(code="T002", text="x", place=place)
    assert printed([mistake], {"f": ("\ta b",)}, "f").splitlines()[4] == "  | \t ^^"


@pytest.mark.parametrize("word", sorted(FOREIGN))
def test_a_word_of_another_tool_is_recognised(word: str) -> None:
    assert nearest(word, FOREIGN[word]) == FOREIGN[word][0]


@pytest.mark.parametrize(
    ("text", "word", "meant"),
    [
        ("    proxy: 8000\n", "proxy", "route"),
        ("    analysis: {}\n", "analysis", "watch"),
        ("    shift: {interval: 5m}\n", "interval", "hold"),
        ("    shift: {steps: [{share: 100%}]}\n", "share", "weight"),
        ("    watch: {figures: {errors: {threshold: 1%}}}\n", "threshold", "max"),
    ],
    ids=lambda value: value if value.isalpha() else "",
)
def test_the_way_out_names_the_word_of_this_format(
    text: str, word: str, meant: str, tmp_path: Path
) -> None:
    file = tmp_path / "turnout.yaml"
    file.write_text(f"turnout: 1\nservices:\n  guard:\n    run: serve\n{text}", "utf-8")
    [mistake] = [found for found in load(file).mistakes if found.code == "T101"]
    assert f"`{word}`" in mistake.text
    assert mistake.note == f"did you mean `{meant}`?"
