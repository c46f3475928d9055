"""State files: authority is checked, decisions survive, one bad file stops one service."""

from dataclasses import replace
from pathlib import Path

import pytest

from turnout.domain.route import Fence
from turnout.errors import FencedError, StaleRouteError
from turnout.gateway.folder import opened, socket_of, write_whole
from turnout.gateway.rows import Row, Rows
from turnout.testing.contracts_router import a_route

ROW = Row(fence=Fence(3, 40), digest="d1", asked=a_route(1000), good=a_route(500))


def rows_in(folder: Path) -> Rows:
    (folder / "state").mkdir(exist_ok=True)
    rows = Rows(state=folder / "state", epoch_file=folder / "epoch")
    rows.load()
    return rows


@pytest.mark.parametrize(
    "row",
    [ROW, replace(ROW, good=None, refused="no"), Row(fence=Fence(3, 41), digest="", asked=None)],
    ids=["whole", "refused", "taken away"],
)
def test_a_row_survives_the_daemon(tmp_path: Path, row: Row) -> None:
    rows_in(tmp_path).save("shop", row)
    assert rows_in(tmp_path).get("shop") == row


def test_the_epoch_survives_the_daemon_and_never_falls(tmp_path: Path) -> None:
    rows_in(tmp_path).claim(7)
    rows = rows_in(tmp_path)
    assert rows.epoch == 7
    with pytest.raises(FencedError):
        rows.claim(6)
    rows.claim(7)


@pytest.mark.parametrize(
    ("fence", "digest", "error"),
    [
        (Fence(3, 40), "d1", None),
        (Fence(3, 41), "d2", None),
        (Fence(4, 1), "d2", None),
        (Fence(3, 40), "d2", StaleRouteError),
        (Fence(3, 39), "d1", StaleRouteError),
        (Fence(2, 99), "d1", FencedError),
    ],
    ids=["again", "newer", "new reign", "other content", "older", "old reign"],
)
def test_only_who_has_authority_is_admitted(
    tmp_path: Path, fence: Fence, digest: str, error: type[Exception] | None
) -> None:
    rows = rows_in(tmp_path)
    rows.claim(3)
    rows.save("shop", ROW)
    if error is None:
        rows.admit("shop", fence, digest)
    else:
        with pytest.raises(error):
            rows.admit("shop", fence, digest)


def test_a_file_that_cannot_be_read_stops_its_service_alone(tmp_path: Path) -> None:
    rows = rows_in(tmp_path)
    rows.save("shop", ROW)
    rows.save("desk", ROW)
    (tmp_path / "state" / "desk.json").write_text('{"fence": "3.40"')
    rows = rows_in(tmp_path)
    assert rows.get("shop") == ROW
    assert list(rows.unreadable) == ["desk"]
    with pytest.raises(StaleRouteError, match=r"desk.*cannot be read"):
        rows.admit("desk", Fence(9, 9), "d")


def test_what_was_acknowledged_is_the_way_back(tmp_path: Path) -> None:
    rows = rows_in(tmp_path)
    rows.save("shop", ROW)
    assert ROW.asked is not None
    rows.note_good("shop", ROW.asked)
    found = rows.get("shop")
    assert found is not None
    assert found.good == ROW.asked
    assert replace(found, refused="no").wanted == ROW.asked


def test_a_refused_route_is_not_wanted(tmp_path: Path) -> None:
    assert ROW.wanted == a_route(1000)
    assert replace(ROW, refused="no").wanted == a_route(500)
    assert replace(ROW, refused="no", good=None).wanted is None
    del tmp_path


def test_a_file_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_private_and_a_short_one_holds_its_sockets(tmp_path: Path) -> None:
    folder = opened(tmp_path / "g")
    assert folder.root.stat().st_mode & 0o777 == 0o700
    assert folder.socket("ads.sock").parent.resolve() == folder.root.resolve()


def test_a_long_folder_gets_a_link_with_a_short_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    root = tmp_path / ("long" * 20)
    folder = opened(root)
    assert folder.run.resolve() == root.resolve()
    assert folder.run != root
    assert socket_of(root) == folder.socket("gateway.sock")
    assert opened(root) == folder


def test_a_link_in_a_folder_that_is_open_to_others_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    opened(tmp_path / ("long" * 20))
    (home,) = tmp_path.glob("turnout-*")
    home.chmod(0o755)
    with pytest.raises(PermissionError, match="open to others"):
        opened(tmp_path / ("long" * 20))
