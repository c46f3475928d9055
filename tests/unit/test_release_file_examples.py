"""The examples and the annotated reference load, and the JSON Schema accepts them."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # the package ships no types
import pytest
import yaml

from turnout.entrypoints.release_file import load
from turnout.entrypoints.release_file.json_schema import schema, schema_json

FILES = Path(__file__).parents[2] / "examples" / "files"
REFERENCE = Path(__file__).parents[1] / "data" / "release_file" / "reference"
NAMES = sorted(folder.name for folder in FILES.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_an_example_lacks_nothing_but_what_is_not_built(name: str) -> None:
    loaded = load(FILES / name / "turnout.yaml")
    assert {mistake.code for mistake in loaded.mistakes} <= {"T120"}
    assert not loaded.warnings
    if name == "tiny":
        assert not loaded.mistakes


def test_the_annotated_reference_lacks_nothing_but_what_is_not_built() -> None:
    loaded = load(REFERENCE / "turnout.yaml")
    assert {mistake.code for mistake in loaded.mistakes} == {"T120"}


@pytest.mark.parametrize("name", NAMES)
def test_the_json_schema_accepts_an_example(name: str) -> None:
    document = yaml.safe_load((FILES / name / "turnout.yaml").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema())
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_json_schema_accepts_the_annotated_reference() -> None:
    document = yaml.safe_load((REFERENCE / "turnout.yaml").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema())
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_json_schema_is_one_itself_and_says_its_dialect() -> None:
    made = json.loads(schema_json())
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
