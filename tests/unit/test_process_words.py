"""Placeholders, environments, secrets, records: what an instance is told and what is kept of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.adapters.process.environment import (
    captured,
    environment_of,
    redacted,
    secrets_of,
)
from turnout.adapters.process.placeholders import Facts, replaced
from turnout.adapters.process.record import Record, load, record_of, remove, save
from turnout.adapters.process.settings import ProcessSettings
from turnout.adapters.process.tree import Root
from turnout.domain.version import InstanceSet, Ready, Restart, RunSpec, Version
from turnout.errors import RuntimeFaultError

FACTS = Facts(
    service="guard",
    environment="local",
    version="v1.1",
    digest="sha256:ab",
    artifact="/models/guard",
    release="guard-17",
    port=20_123,
)
RUN = RunSpec(
    command=("serve", "--port", "$port"),
    folder="/srv",
    ready=Ready(http="/ready", completion="{}", passes=3),
    restart=Restart.ON_FAILURE,
)
VERSION = Version(name="v1.1", digest="sha256:ab", artifact_digest="sha256:cd", run=RUN)
SET = InstanceSet(service="guard", number=17, version=VERSION)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("--port=$port", "--port=20123"),
        ("$service/$environment/$release", "guard/local/guard-17"),
        ("$version $digest $artifact", "v1.1 sha256:ab /models/guard"),
        ("$url/v1", "http://127.0.0.1:20123/v1"),
        ("$$port", "$port"),
        ("$$$port", "$$port"),
        ("$portable", "$portable"),
        ("$HOME and $commit", "$HOME and $commit"),
        ("costs 5$", "costs 5$"),
        ("$port$port", "2012320123"),
        ("$port.sock", "20123.sock"),
    ],
)
def test_known_words_are_replaced_and_all_else_stays(text: str, becomes: str) -> None:
    assert replaced(text, FACTS.words()) == becomes


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_a_text_without_a_dollar_is_never_changed(text: str) -> None:
    assert replaced(text, FACTS.words()) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1))
def test_a_doubled_dollar_always_gives_the_word_itself(word: str) -> None:
    assert replaced(f"$${word}", FACTS.words()) == f"${word}"


@given(st.text())
def test_a_value_that_looks_like_a_word_is_not_replaced_again(value: str) -> None:
    assert replaced("$version", {"version": f"$port{value}", "port": "1"}) == f"$port{value}"


def test_only_what_makes_programs_run_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("PYTHONPATH", "/x")
    monkeypatch.setenv("TURNOUT_TOKEN", "x")
    known = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV"}
    assert "LC_TIME" in captured()
    assert {name for name in captured() if not name.startswith("LC_")} <= known


def test_what_is_declared_outdoes_what_was_captured_and_facts_outdo_both() -> None:
    run = RunSpec(command=(), folder="/", env=(("LANG", "C"), ("PORT", "1"), ("A", "$port")))
    env = environment_of(run, FACTS, {"LANG": "de_DE.UTF-8", "PATH": "/bin"})
    assert (env["LANG"], env["PATH"], env["PORT"], env["A"]) == ("C", "/bin", "20123", "20123")
    assert {name for name in env if name.startswith("TURNOUT_")} == {
        f"TURNOUT_{word.upper()}" for word in FACTS.words()
    }


def test_secrets_come_from_variables_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "from-env")
    (tmp_path / "key").write_text("from-file\n")
    run = RunSpec(
        command=(), folder="/", secrets=(("A", "env:TOKEN"), ("B", f"file:{tmp_path}/key"))
    )
    assert secrets_of(run) == {"A": "from-env", "B": "from-file"}


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:NOT_SET_ANYWHERE", "no variable NOT_SET_ANYWHERE"),
        ("file:/no/such/file", "cannot be read"),
        ("k8s:default/keys/api", "processes take env:NAME and file:/path"),
    ],
)
def test_a_secret_that_is_not_to_be_had_is_named_with_its_reference(
    reference: str, why: str
) -> None:
    run = RunSpec(command=(), folder="/", secrets=(("API_KEY", reference),))
    with pytest.raises(RuntimeFaultError, match=f"API_KEY is {reference}.*{why}"):
        secrets_of(run)


def test_secrets_in_lines_are_covered_and_short_ones_are_no_reason_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    monkeypatch.setenv("SHORT", "a")
    secrets = (("A", "env:TOKEN"), ("B", "env:SHORT"), ("C", "env:NOT_SET_ANYWHERE"))
    run = RunSpec(command=(), folder="/", secrets=secrets)
    assert redacted(("key=s3cr3t!", "banana"), run) == ("key=***!", "banana")


def test_replicas_are_numbered_from_the_second_on() -> None:
    twin = InstanceSet(service="guard", number=17, version=VERSION, twin=True)
    names = [record_of(of, n, {}).instance for of in (SET, twin) for n in (1, 2)]
    assert names == ["guard-r17", "guard-r17-2", "guard-r17-t", "guard-r17-t-2"]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = record_of(SET, 2, {"PATH": "/bin"}).model_copy(
        update={
            "root": Root(pid=77, started_ticks=5, boot="a"),
            "port": 20_001,
            "crashes": 3,
            "last_lines": ("one", "two"),
        }
    )
    save(tmp_path / "guard-r17-2", record)
    assert load(tmp_path / "guard-r17-2") == record
    assert record.ready == RUN.ready


def test_a_record_of_a_later_program_is_read_all_the_same(tmp_path: Path) -> None:
    save(tmp_path, record_of(SET, 1, {}))
    written = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**written, "something_new": 1}))
    assert load(tmp_path) == record_of(SET, 1, {})


def test_a_record_that_was_never_written_is_none_and_a_torn_one_is_refused(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    (tmp_path / "run.json").write_text('{"instance": "gua')
    with pytest.raises(RuntimeFaultError, match=r"run\.json cannot be read"):
        load(tmp_path)


def test_a_folder_is_removed_whole_and_again_without_harm(tmp_path: Path) -> None:
    folder = tmp_path / "guard-r17"
    save(folder, record_of(SET, 1, {}))
    (folder / "lock").touch()
    for _ in range(2):
        remove(folder)
        assert not folder.exists()


def test_nothing_of_the_run_sections_values_is_in_a_record(tmp_path: Path) -> None:
    fields = set(Record.model_fields)
    assert not fields & {"env", "secrets"}
    save(tmp_path, record_of(SET, 1, {}))
    assert "$port" not in (tmp_path / "run.json").read_text()


def test_an_artifact_lies_in_the_folder_or_where_it_is_told_to(tmp_path: Path) -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    plain = ProcessSettings(folder=tmp_path, environment="local")
    assert plain.artifact_of("guard", digest) == f"{tmp_path}/versions/guard/0123456789ab"
    assert plain.artifact_of("guard", None) == ""
    told = ProcessSettings(
        folder=tmp_path, environment="local", artifact_tree=lambda s, d: Path("/store") / s / d[:10]
    )
    assert told.artifact_of("guard", digest) == "/store/guard/sha256:012"
