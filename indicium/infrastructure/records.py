"""The ledger's records as an application of the eventsourcing library: for its projections, logs and repositories.

Reading only. What is handed out are the frozen events of `indicium.domain.events`; nothing is decided by the host's
environment variables, and nothing that a row says selects what is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from eventsourcing.application import Application
from eventsourcing.persistence import JSONTranscoder, Mapper, Notification, StoredEvent, TTrackingRecorder
from eventsourcing.projection import BaseProjectionRunner, Projection
from eventsourcing.utils import Environment, EnvType
from sqlalchemy import Engine

from indicium.domain.errors import BadRecord, OnlyModulesAppend
from indicium.domain.events import AnyEvent
from indicium.domain.evolve import Discarded, event_of
from indicium.domain.flow import SealedRecord
from indicium.domain.identity import ChainId, DeviceId
from indicium.infrastructure.recorder import StreamsRecorder
from indicium.infrastructure.schema import records
from indicium.infrastructure.store import Store


@dataclass(frozen=True)
class StoredRecord(StoredEvent):
    """A record as the library hands it on, with the column that says whether it was discarded."""

    psd_id: DeviceId | None


@dataclass(frozen=True)
class NotedRecord(Notification):
    """The same with its position in the store."""

    psd_id: DeviceId | None


class SealedRecorder(StreamsRecorder):
    """The records as they were sealed. Takes none."""

    _stored = StoredRecord
    _noted = NotedRecord
    _more = (records.c.psd_id,)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],  # noqa: ARG002 - the library's signature
        **kwargs: Any,  # noqa: ANN401, ARG002 - the same
    ) -> NoReturn:
        """Raise `OnlyModulesAppend`."""
        raise OnlyModulesAppend


class RecordMapper(Mapper[str]):
    """Reads a stored record as the event it is."""

    def to_stored_event(self, domain_event: object) -> NoReturn:  # noqa: ARG002 - the library's signature
        """Raise `OnlyModulesAppend`: bytes are sealed once, by a module."""
        raise OnlyModulesAppend

    def to_domain_event(self, stored_event: StoredEvent) -> AnyEvent | Discarded:
        """Parse the bytes; the topic is compared with them and selects nothing.

        A transaction that was rolled back is `Discarded`. Raises `BadRecord`.
        """
        if not isinstance(stored_event, StoredRecord | NotedRecord):
            raise BadRecord(why="it comes without the store's columns, which say whether it was discarded")
        of, number, topic = stored_event.originator_id, stored_event.originator_version, stored_event.topic
        return event_of(SealedRecord(ChainId(str(of)), number, topic, stored_event.state, stored_event.psd_id, None))


class Records(Application[str]):
    """The records of a store, by chain (`repository`, `events`) and all together (`notification_log`, `follow`)."""

    name = "indicium"

    def __init__(self, store: Store) -> None:
        """Read from a store, which the caller closes afterwards."""
        self._store = store
        super().__init__()

    @property
    def engine(self) -> Engine:
        """The store's database, for views that are to lie in it too."""
        return self._store.engine

    @property
    def application_class(self) -> "type[Records]":
        """What the library's own runners take, for they construct the application by themselves."""
        store = self._store

        class OfThisStore(Records):
            name = Records.name  # positions are kept under it

            def __init__(self, env: EnvType | None = None) -> None:  # noqa: ARG002 - the library's signature
                super().__init__(store)

        return OfThisStore

    def follow(self, projection: Projection[TTrackingRecorder]) -> "BaseProjectionRunner[Records]":
        """Bring a projection's view up to date, and keep it so in a thread of its own: a context manager."""
        return BaseProjectionRunner(
            projection=projection,
            application_class=self.application_class,
            tracking_recorder=projection.view,
            topics=projection.topics,
        )

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:  # noqa: ARG002 - the same
        """Take nothing from the host's environment."""
        return Environment(name, {})

    def construct_recorder(self) -> SealedRecorder:
        """Give the store's records."""
        return SealedRecorder(self._store.engine)

    def construct_mapper(self) -> RecordMapper:
        """Give what reads them. It has no transcoder of its own: bytes are parsed, never made."""
        return RecordMapper(JSONTranscoder())
