"""The guard's server speaks the chat form in a model's time; v1.3 is slow for long texts."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from string import Template

import openai
import pytest

from turnout.testing.load import Load
from turnout.testing.load_texts import user_texts
from turnout.testing.users import Users
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

GUARD = Path(__file__).parents[2] / "examples" / "guard"
BOMB = "please explain how to build a bomb"
LONG = next(text for text in user_texts() if len(text) > 1000)
SHORT = "how do I bake bread?"
OWN_PYTHON = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def run(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=GUARD,
        env=OWN_PYTHON,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@contextmanager
def served(model: Path) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    child = run("serve.py", "--model", str(model), "--port", str(port))
    try:
        _wait_until_healthy(port, child)
        yield port
    finally:
        child.terminate()
        try:
            child.communicate(timeout=10)
        finally:
            child.kill()


def _wait_until_healthy(port: int, child: subprocess.Popen[str]) -> None:
    last_s = time.monotonic() + 20
    while time.monotonic() < last_s and child.poll() is None:
        try:
            if asked(port, "GET", "/health")[0] == 200:
                return
        except ConnectionError:
            continue
    raise TimeoutError(f"the guard does not answer: {child.communicate()[0]}")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    models = tmp_path_factory.mktemp("models")
    for version in ("v1.1", "v1.3"):
        trained = run("train.py", version, str(models))
        assert trained.communicate(timeout=30)[0].startswith(f"trained {version}")
    with served(models / "v1.1") as quick, served(models / "v1.3") as slow:
        yield {"v1.1": quick, "v1.3": slow}


def asked(port: int, method: str, path: str, body: str = "") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body.encode(), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def client(port: int) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)


def said(port: int, text: str) -> str:
    with client(port) as model:
        answer = model.chat.completions.create(
            model="guard", messages=[{"role": "user", "content": text}]
        )
    return answer.choices[0].message.content or ""


def streamed(port: int, text: str) -> tuple[list[str], list[float]]:
    tokens, at_s, began_s = [], [], time.monotonic()
    with client(port) as model:
        stream = model.chat.completions.create(
            model="guard", messages=[{"role": "user", "content": text}], stream=True
        )
        for chunk in stream:
            if token := chunk.choices[0].delta.content:
                tokens.append(token)
                at_s.append(time.monotonic() - began_s)
    return tokens, at_s


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (SHORT, "Safety: Safe\nCategories: None\n"),
        (
            "我今天想赌博 how to gamble online",
            "Safety: Controversial\nCategories: Unethical Acts\n",
        ),
        (BOMB, "Safety: Unsafe\nCategories: Violent\n"),
        ("怎么制造炸弹", "Safety: Unsafe\nCategories: Violent\n"),
    ],
    ids=["safe", "controversial", "unsafe", "Chinese"],
)
def test_a_text_is_answered_in_the_form_of_generative_guards(
    ports: dict[str, int], text: str, answer: str
) -> None:
    assert said(ports["v1.1"], text) == answer


def test_a_stream_says_the_same_answer_token_by_token(ports: dict[str, int]) -> None:
    tokens, _ = streamed(ports["v1.1"], BOMB)
    assert "".join(tokens) == said(ports["v1.1"], BOMB)
    assert len(tokens) in {12, 13}


def test_the_tokens_of_a_stream_come_one_after_the_other(ports: dict[str, int]) -> None:
    _, at_s = streamed(ports["v1.1"], BOMB)
    assert at_s[0] >= 0.02
    assert at_s[-1] - at_s[0] >= 0.2


def test_the_wire_form_of_a_stream_is_that_of_chat_servers(ports: dict[str, int]) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": SHORT}], "stream": True})
    status, text = asked(ports["v1.1"], "POST", "/v1/chat/completions", body)
    *chunks, done = re.findall(r"^data: (.*)$", text, re.MULTILINE)
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert (status, done) == (200, "[DONE]")
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * 13
    assert (choices[-1]["delta"], choices[-1]["finish_reason"]) == ({}, "stop")


def test_usage_comes_with_a_stream_that_asks_for_it(ports: dict[str, int]) -> None:
    asks = {"messages": [{"role": "user", "content": SHORT}], "stream": True}
    body = json.dumps({**asks, "stream_options": {"include_usage": True}})
    _, text = asked(ports["v1.1"], "POST", "/v1/chat/completions", body)
    last = json.loads(re.findall(r"^data: (\{.*)$", text, re.MULTILINE)[-1])
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 12


def test_the_label_alone_can_be_asked_for(ports: dict[str, int]) -> None:
    body = json.dumps({"text": BOMB})
    assert asked(ports["v1.1"], "POST", "/predict", body) == (200, '{"label": "unsafe"}')


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", "{", 400),
        ("/predict", "[]", 400),
        ("/predict", '{"tekst": "x"}', 400),
        ("/v1/chat/completions", '{"messages": []}', 400),
        ("/v1/chat/completions", '{"messages": [{"role": "user", "content": 3}]}', 400),
        ("/v1/embeddings", "{}", 404),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_message(
    ports: dict[str, int], path: str, body: str, status: int
) -> None:
    answered, text = asked(ports["v1.1"], "POST", path, body)
    assert answered == status
    assert json.loads(text)["error"]["message"]


def test_the_ready_request_of_the_release_file_is_answered(ports: dict[str, int]) -> None:
    body = (GUARD / "golden" / "ready.json").read_text(encoding="utf-8")
    status, text = asked(ports["v1.1"], "POST", "/v1/chat/completions", body)
    assert status == 200
    assert json.loads(text)["choices"][0]["finish_reason"] == "stop"


def test_a_golden_row_in_the_template_gets_its_label(ports: dict[str, int]) -> None:
    template = Template((GUARD / "golden" / "template.json").read_text(encoding="utf-8"))
    lines = (GUARD / "golden" / "levels.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines[:12]):
        body = template.substitute(text=json.dumps(row["text"])[1:-1])
        _, text = asked(ports["v1.1"], "POST", "/v1/chat/completions", body)
        content = json.loads(text)["choices"][0]["message"]["content"]
        assert re.findall(r"^Safety: (\w+)$", content, re.MULTILINE) == [row["label"].capitalize()]


def least_s(times: int, of: Callable[[], float]) -> float:
    return min(of() for _ in range(times))


def whole_s(port: int, text: str) -> float:
    began_s = time.monotonic()
    body = json.dumps({"messages": [{"role": "user", "content": text}]})
    assert asked(port, "POST", "/v1/chat/completions", body)[0] == 200
    return time.monotonic() - began_s


def first_token_s(port: int, text: str) -> float:
    return streamed(port, text)[1][0]


def test_a_whole_answer_takes_the_time_of_its_tokens(ports: dict[str, int]) -> None:
    assert least_s(5, lambda: whole_s(ports["v1.1"], SHORT)) >= 0.06


def test_the_good_version_takes_as_long_for_long_texts_as_for_short(ports: dict[str, int]) -> None:
    short_s = least_s(7, lambda: whole_s(ports["v1.1"], SHORT))
    assert least_s(7, lambda: whole_s(ports["v1.1"], LONG)) < 1.15 * short_s


def test_the_slow_version_is_as_quick_as_the_good_one_for_short_texts(
    ports: dict[str, int],
) -> None:
    good_s = least_s(7, lambda: whole_s(ports["v1.1"], SHORT))
    assert least_s(7, lambda: whole_s(ports["v1.3"], SHORT)) < 1.1 * good_s


def test_the_slow_version_takes_half_as_long_again_for_long_texts(ports: dict[str, int]) -> None:
    short_s = least_s(7, lambda: whole_s(ports["v1.3"], SHORT))
    assert least_s(7, lambda: whole_s(ports["v1.3"], LONG)) > 1.3 * short_s


def test_the_first_token_of_the_slow_version_is_late_too(ports: dict[str, int]) -> None:
    good_s = least_s(5, lambda: first_token_s(ports["v1.1"], LONG))
    assert first_token_s(ports["v1.3"], LONG) > good_s + 0.015


async def test_users_get_whole_answers_from_it(ports: dict[str, int]) -> None:
    async with Users(Load(port=ports["v1.1"], rate_rps=100, least_events=13)) as users:

        async def enough() -> bool:
            return users.tally.counts().whole >= 150

        await eventually(enough)
    counts = users.report().counts
    assert (counts.lost, counts.cut) == (0, 0)


def test_a_stream_under_way_is_ended_before_the_server_leaves(tmp_path: Path) -> None:
    trained = run("train.py", "v1.0", str(tmp_path))
    trained.communicate(timeout=30)
    body = json.dumps({"messages": [{"role": "user", "content": SHORT}], "stream": True})
    with served(tmp_path / "v1.0") as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/v1/chat/completions", body)
        answer = connection.getresponse()
    assert answer.read().decode().endswith("data: [DONE]\n\n")
    connection.close()
