"""How rows and templates become requests."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.domain.checks import GoldenSet, Scorer
from turnout.errors import BadInputError
from turnout.jobs.asking import answer_in
from turnout.jobs.requests import Ask, Template, read_golden, read_requests, read_template

GUARD = Path(__file__).parents[2] / "examples" / "guard" / "golden"


def a_set(folder: Path, *lines: object, template: object = None) -> GoldenSet:
    file, request = folder / "rows.jsonl", folder / "template.json"
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    if template is not None:
        request.write_text(json.dumps(template), encoding="utf-8")
    return GoldenSet(
        name="rows",
        file=str(file),
        digest="sha256:rows",
        scorer=Scorer.EXACT,
        rules=(),
        request=str(request) if template is not None else None,
    )


def body_of(ask: Ask) -> object:
    assert ask.body is not None
    return json.loads(ask.body)


def body_for(folder: Path, line: dict[str, object], template: object = None) -> object:
    ((_, ask),) = read_golden(a_set(folder, {"label": "x", **line}, template=template), "guard")
    return body_of(ask)


def test_a_text_is_a_chat_of_one_message_by_default(tmp_path: Path) -> None:
    message = {"role": "user", "content": 'say "hi"\n中'}
    assert body_for(tmp_path, {"text": 'say "hi"\n中'}) == {"model": "guard", "messages": [message]}


def test_a_template_takes_the_text_in_each_of_its_strings(tmp_path: Path) -> None:
    template = {"q": ["<$text>", {"deep": "$text $text"}], "n": 1, "cost": "$$text is $textual $5"}
    assert body_for(tmp_path, {"text": "$text"}, template) == {
        "q": ["<$text>", {"deep": "$text $text"}],
        "n": 1,
        "cost": "$text is $textual $5",
    }


def test_the_key_path_of_a_template_is_where_requests_go(tmp_path: Path) -> None:
    golden = a_set(
        tmp_path, {"text": "a", "answer": "b"}, template={"path": "/predict", "text": "$text"}
    )
    ((row, ask),) = read_golden(golden, "guard")
    assert (ask.path, body_of(ask), row.expected) == ("/predict", {"text": "a"}, "b")


def test_messages_take_the_place_of_the_templates_own(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "a"}]
    template = {"model": "m", "messages": [], "temperature": 0}
    told = body_for(tmp_path, {"messages": messages}, template)
    assert told == {"model": "m", "messages": messages, "temperature": 0}


def test_a_request_is_sent_as_it_is(tmp_path: Path) -> None:
    assert body_for(tmp_path, {"request": {"a": ["$text"]}}) == {"a": ["$text"]}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"label": "safe"}, "safe"),
        ({"expected": {"b": 1}}, '{"b": 1}'),
        ({"answer": 42}, "42"),
        ({"answer": 0}, "0"),
    ],
    ids=str,
)
def test_what_is_expected_has_three_names(
    line: dict[str, object], expected: str, tmp_path: Path
) -> None:
    ((row, _),) = read_golden(a_set(tmp_path, {"text": "a", **line}), "guard")
    assert row.expected == expected


def test_empty_lines_are_passed_over_and_lines_counted_from_one(tmp_path: Path) -> None:
    golden = a_set(tmp_path, {"text": "a", "label": "x"})
    file = Path(golden.file)
    file.write_text(f"\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    assert [row.line for row, _ in read_golden(golden, "guard")] == [2]


def test_a_slice_is_the_field_that_the_set_names(tmp_path: Path) -> None:
    golden = a_set(tmp_path, {"text": "a", "label": "x", "language": "zh"})
    ((row, _),) = read_golden(replace(golden, slices="language"), "guard")
    assert row.slice == "zh"
    with pytest.raises(BadInputError, match=r"rows\.jsonl:1 has no field `part`"):
        read_golden(replace(golden, slices="part"), "guard")


WRONG = [
    ({"text": "a"}, "none of `label`, `expected`, `answer`"),
    ({"label": "x"}, "none of `text`, `messages`, `request`"),
    ({"text": 1, "label": "x"}, "is not a row"),
    (["text"], "is not a row"),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=str)
def test_a_line_that_is_no_row_is_named(line: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=said) as refused:
        read_golden(a_set(tmp_path, {"text": "a", "label": "x"}, line), "guard")
    assert "rows.jsonl:2" in str(refused.value)


def test_a_label_that_is_not_declared_is_named(tmp_path: Path) -> None:
    golden = replace(
        a_set(tmp_path, {"text": "a", "label": "unsfe"}),
        scorer=Scorer.LABEL,
        labels=("safe", "unsafe"),
    )
    with pytest.raises(BadInputError, match=r":1: `unsfe` is not one of the labels safe, unsafe"):
        read_golden(golden, "guard")


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    golden = a_set(tmp_path)
    with pytest.raises(BadInputError, match="has no rows"):
        read_golden(golden, "guard")
    with pytest.raises(BadInputError, match="has no requests"):
        read_requests(golden.file, Template({}))


@pytest.mark.parametrize("text", ["[]", "{", '{"path": 1}', '{"path": "predict"}'])
def test_a_template_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"template\.json"):
        read_template(str(file), "guard")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.jsonl"):
        read_requests(str(tmp_path / "gone.jsonl"), Template({}))
    with pytest.raises(BadInputError, match=r"gone\.json"):
        read_template(str(tmp_path / "gone.json"), "guard")


def test_requests_to_warm_with_may_be_whole_bodies(tmp_path: Path) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1}
    asks = read_requests(a_set(tmp_path, body, {"prompt": "a"}).file, Template({"model": "x"}))
    assert [body_of(ask) for ask in asks] == [body, {"prompt": "a"}]


def test_the_demos_golden_set_is_read_whole() -> None:
    golden = GoldenSet(
        name="levels",
        file=str(GUARD / "levels.jsonl"),
        digest="sha256:0",
        scorer=Scorer.LABEL,
        rules=(),
        request=str(GUARD / "template.json"),
        labels=("safe", "controversial", "unsafe"),
        slices="slice",
    )
    rows = read_golden(golden, "guard")
    assert len(rows) == 600
    assert {row.slice for row, _ in rows} == {"jailbreak", "plain"}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ('{"choices": [{"message": {"content": "hi"}}]}', "hi"),
        ('{"choices": [{"message": {"content": null}}]}', ""),
        ('{"choices": []}', '{"choices": []}'),
        ('{"label": "safe"}', '{"label": "safe"}'),
        ("text", "text"),
    ],
)
def test_the_words_of_a_chat_answer_are_taken_out(body: str, answer: str) -> None:
    assert answer_in(body) == answer
