"""The store in memory and the store in a file behave alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.adapters.sqlite.store import build_store, open_store
from turnout.application.store import Store
from turnout.errors import BadInputError
from turnout.testing.contracts_store import StoreContract
from turnout.testing.fake_store import MemoryStore
from turnout.testing.world import START_S


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore(lambda: START_S)


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = open_store(tmp_path / "turnout.db", now_s=lambda: START_S)
        yield store
        store.close()


def test_the_store_is_built_from_its_settings(tmp_path: Path) -> None:
    build_store({"path": str(tmp_path / "turnout.db")}).close()
    assert (tmp_path / "turnout.db").stat().st_mode & 0o777 == 0o600


def test_a_setting_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="takes `path` and nothing else"):
        build_store({"path": str(tmp_path / "turnout.db"), "url": "postgres:"})
