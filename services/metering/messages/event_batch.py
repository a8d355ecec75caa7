"""A batch of raw events from the wire: the one loop of metering where every nanosecond counts.

Its few lines per event are the fast path; whatever does not pass it is explained by `messages.event_mistakes`.
"""

import re
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring

from kernel.errors import FieldViolation, TollkeeperError, invalid
from kernel.ids import ID_PATTERN
from kit.proto import LATEST
from metering.domain.event_batch import (
    MAX_DIMENSIONS,
    MAX_EVENTS,
    MAX_KEY_LENGTH,
    MAX_NAME_LENGTH,
    UNSETTLED,
    EventBatch,
)
from metering.domain.meter import Dimensions
from metering.domain.tracker import microseconds
from metering.domain.value import MAX_TEXT_LENGTH, DimensionValue, number_of_double, number_of_text, text_of
from metering.messages.event_mistakes import explain
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ReportEventsRequest

_LATEST_SECONDS = microseconds(LATEST) // 1_000_000
_is_id = re.compile(ID_PATTERN).fullmatch

# Ids and names that passed the pattern: a lookup costs a fifth of matching again. Emptied when full, since names come
# from callers.
_MOST_REMEMBERED = 50_000
_known_ids: set[str] = set()
# Names of dimensions, as JSON writes them.
_quoted_names: dict[str, str] = {}


class MistakeError(Exception):
    """The fast path met something that it does not take."""


def event_batch_from_proto(request: ReportEventsRequest) -> EventBatch:
    """The events of a request; some may still need a time.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming index and field of every mistake, of at most 100.
    """
    if not 1 <= len(request.events) <= MAX_EVENTS:
        message = f"must hold 1 to {MAX_EVENTS:,} events, not {len(request.events):,}; send more in several batches"
        raise invalid(FieldViolation("events", message))
    try:
        return _batch(request.events)
    except (MistakeError, TollkeeperError):
        raise explain(request.events) from None


def _batch(events: Iterable[event_pb2.Event]) -> EventBatch:
    batch = EventBatch()
    known = _known_ids
    # Looked up once and not for each event.
    add_customer, add_name, add_key = batch.customer_ids.append, batch.event_names.append, batch.idempotency_keys.append
    add_resource, add_time = batch.resource_ids.append, batch.times.append
    add_dimensions, add_text = batch.dimensions.append, batch.dimension_texts.append
    for event in events:
        customer_id, name, resource_id, key = (
            event.customer_id,
            event.event_name,
            event.resource_id,
            event.idempotency_key,
        )
        if customer_id not in known:
            _learn_id(customer_id)
        if name not in known:
            _learn_id(name)
        if resource_id and resource_id not in known:
            _learn_id(resource_id)
        if not 0 < len(key) <= MAX_KEY_LENGTH or "\0" in key:
            raise MistakeError
        timestamp = event.timestamp
        seconds, nanos = timestamp.seconds, timestamp.nanos
        if not (0 <= seconds < _LATEST_SECONDS and 0 <= nanos <= 999_999_999):
            raise MistakeError
        dimensions, text = dimensions_of(event.dimensions)
        add_customer(customer_id)
        add_name(name)
        add_key(key)
        add_resource(resource_id)
        add_time(seconds * 1_000_000 + nanos // 1_000 if seconds or nanos or event.HasField("timestamp") else UNSETTLED)
        add_dimensions(dimensions)
        add_text(text)
    return batch


def _learn_id(value: str) -> None:
    if _is_id(value) is None:
        raise MistakeError
    if len(_known_ids) >= _MOST_REMEMBERED:
        _known_ids.clear()
    _known_ids.add(value)


def dimensions_of(messages: Mapping[str, event_pb2.Value]) -> tuple[Dimensions, str]:
    """The values for meters, and the JSON object that is stored.

    Raises:
        MistakeError, TollkeeperError: One of them is not right; `messages.event_mistakes` tells which.
    """
    if len(messages) > MAX_DIMENSIONS:
        raise MistakeError
    values: dict[str, DimensionValue] = {}
    texts: list[str] = []
    for name in messages:
        message = messages[name]
        quoted = _quoted_names.get(name) or _learn_name(name)
        # Most are text that is not empty, which is told without asking for the kind.
        string = message.string_value
        if string or (kind := message.WhichOneof("kind")) == "string_value":
            if len(string) > MAX_TEXT_LENGTH or "\0" in string:
                raise MistakeError
            values[name] = string
            texts.append(quoted + encode_basestring(string))
            continue
        match kind:
            case "number_value":
                value: DimensionValue | None = number_of_double(message.number_value)
            case "bool_value":
                value = message.bool_value
            case "decimal_value":
                value = number_of_text(message.decimal_value, name)
            case _:
                value = None
        if value is None:
            raise MistakeError
        values[name] = value
        texts.append(quoted + text_of(value))
    return values, "{" + ",".join(texts) + "}"


def _learn_name(name: str) -> str:
    if not 0 < len(name) <= MAX_NAME_LENGTH or "\0" in name:
        raise MistakeError
    if len(_quoted_names) >= _MOST_REMEMBERED:
        _quoted_names.clear()
    quoted = _quoted_names[name] = encode_basestring(name) + ":"
    return quoted
