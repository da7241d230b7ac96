"""The example with the eventsourcing library's own projection works as it stands there, on both databases."""

from pathlib import Path

from indicium.infrastructure.store import Store
from tests.examples.test_embedding import ROOT, run


def test_what_was_sold_is_in_the_view_and_in_no_other_place_of_the_store(tmp_path: Path, store_url: str) -> None:
    (line,) = run(str(ROOT / "examples" / "library_projection.py"), "ledger", store_url, cwd=tmp_path).splitlines()
    day, *sold = line.split()
    assert len(day) == len("2026-11-01")
    assert sold == ["1210", "mills"]
    with Store.open(store_url) as store:
        (chain,) = store.chains()
        assert store.recorder.max_notification_id() == chain[1]
