"""The views' database: a real SQLite file, and a database of a real PostgreSQL server."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine


@pytest.fixture
def database(store_url: str) -> str:
    return store_url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = create_engine(database)
    yield engine
    engine.dispose()
