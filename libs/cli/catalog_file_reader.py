"""From YAML nodes to a message, driven by the message's descriptor; every problem is noted, none stops the reading."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml
from google.protobuf.message import Message

from cli.catalog_file_problem import Problem
from cli.catalog_file_values import ValueProblem, dimension_value, field_value, is_plain, nothing_of
from cli.catalog_file_yaml import AliasNode, place_of
from tollkeeper.catalog.v1 import catalog_service_pb2, feature_pb2

# What only the catalog writes, and what the command decides.
_OUTPUT_ONLY: Final = frozenset(
    {"revision", "create_time", "update_time", "latest_version", "has_draft", "carried_version", "etag"}
)
_NOT_OF_THE_FILE: Final = _OUTPUT_ONLY | {"validate_only", "carry_entitlements"}
_REFUSED_KEYS: Final = {
    **dict.fromkeys(_OUTPUT_ONLY, "must be left out: only the catalog writes it"),
    "carry_entitlements": "must be left out: say --carry-entitlements to the command",
    "<<": "must be left out: merge keys are not read; write the fields out",
}
# A plan and an add-on are written flat: the fields of these two side by side.
_FLAT: Final = {
    catalog_service_pb2.PlanDocument.DESCRIPTOR.full_name: ("plan", "content"),
    catalog_service_pb2.AddOnDocument.DESCRIPTOR.full_name: ("add_on", "content"),
}
# Written as a plain scalar.
_VALUE: Final = feature_pb2.Value.DESCRIPTOR.full_name
# Written as plain lists: `in: [AA, UA]`, `thresholds: [50, 100]`.
_LISTS: Final = {
    feature_pb2.ValueList.DESCRIPTOR.full_name: "values",
    feature_pb2.Thresholds.DESCRIPTOR.full_name: "percents",
}
# What names an entry of a list to people.
_NAMING_KEYS: Final = ("id", "feature_id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field of the message stands in the file: line and column from 1, and the path as people write it."""

    line: int
    column: int
    path: str


@dataclass(frozen=True, slots=True)
class _Target:
    """A field that a key of the file sets, and the path of the message that holds it."""

    message: Message
    field: Any  # A descriptor: protobuf has two classes for it.
    prefix: str


class Reader:
    """Fills one message from one document.

    Attributes:
        problems: Grows while reading.
        places: Where each field of the message stands, by its path in the contract's words.
        broken: The fields whose values could not be read.
        misspelt: Of messages with a key that is none, by their path: the names that it was probably meant to be.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.places: dict[str, Place] = {}
        self.broken: set[str] = set()
        self.misspelt: dict[str, set[str]] = {}

    def read(self, root: yaml.Node, message: Message) -> None:
        """Fills the message from the document's node."""
        self._message(root, message, field_path="", file_path="")

    def _message(self, node: yaml.Node, message: Message, *, field_path: str, file_path: str) -> None:
        self._place(node, field_path, file_path)
        if isinstance(node, AliasNode):
            self.broken.add(field_path)
            return
        if message.DESCRIPTOR.full_name == _VALUE and isinstance(node, yaml.ScalarNode):
            self._dimension_value(node, message, field_path=field_path, file_path=file_path)
        elif message.DESCRIPTOR.full_name in _LISTS and isinstance(node, yaml.SequenceNode):
            entries = message.DESCRIPTOR.fields_by_name[_LISTS[message.DESCRIPTOR.full_name]]
            self._list(node, _Target(message, entries, field_path), file_path=file_path)
        elif not message.DESCRIPTOR.fields:
            self._presence(node, field_path, file_path)
        elif isinstance(node, yaml.MappingNode):
            self._mapping(node, message, field_path=field_path, file_path=file_path)
        else:
            keys = ", ".join(_targets(message, field_path))
            mended = f"a mapping with the keys {keys}"
            if message.DESCRIPTOR.full_name in _LISTS:
                mended = 'a list: entries in brackets, or each after "- "'
            self._note(node, file_path, f"must be {mended}", broken=field_path)

    def _mapping(self, node: yaml.MappingNode, message: Message, *, field_path: str, file_path: str) -> None:
        targets = _targets(message, field_path)
        for part in _FLAT.get(message.DESCRIPTOR.full_name, ()):
            self._place(node, _joined(field_path, part), file_path)
        seen: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or isinstance(key, AliasNode):
                if not isinstance(key, AliasNode):
                    self._note(key, file_path, "must be a plain key")
                continue
            where = _joined(file_path, str(key.value))
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                self._note(key, where, f"stands here a second time: the first is in line {first}")
                continue
            seen[key.value] = key
            target = targets.get(key.value)
            if target is None:
                self._unknown(key, targets, file_path=where)
            else:
                self._field(value, target, file_path=where)
        self._one_of_each(message, seen, file_path)

    def _unknown(self, key: yaml.ScalarNode, targets: dict[str, _Target], *, file_path: str) -> None:
        similar = difflib.get_close_matches(key.value, targets, n=1)
        hint = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(targets)}"
        self._note(key, file_path, _REFUSED_KEYS.get(key.value, f"is not a key here: {hint}"))
        for name in similar:
            target = targets[name]
            oneof = target.field.containing_oneof
            names = {name} if oneof is None else {name, oneof.name}
            self.misspelt.setdefault(target.prefix, set()).update(names)

    def _field(self, node: yaml.Node, target: _Target, *, file_path: str) -> None:
        field_path = _joined(target.prefix, target.field.name)
        if target.field.is_repeated:
            self._place(node, field_path, file_path)
            self._list(node, target, file_path=file_path)
        elif target.field.message_type is not None:
            child = getattr(target.message, target.field.name)
            child.SetInParent()
            self._message(node, child, field_path=field_path, file_path=file_path)
        else:
            self._place(node, field_path, file_path)
            value = self._scalar(node, target.field, field_path=field_path, file_path=file_path)
            if value is not None:
                setattr(target.message, target.field.name, value)

    def _list(self, node: yaml.Node, target: _Target, *, file_path: str) -> None:
        list_path = _joined(target.prefix, target.field.name)
        if isinstance(node, AliasNode):
            self.broken.add(list_path)
            return
        if _is_nothing(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            self._note(node, file_path, 'must be a list: entries that begin with "- "', broken=list_path)
            return
        entries = getattr(target.message, target.field.name)
        for number, entry in enumerate(node.value):
            field_path = f"{list_path}[{number}]"
            entry_path = f"{file_path}[{_name_of(entry) or number}]"
            if target.field.message_type is not None:
                self._message(entry, entries.add(), field_path=field_path, file_path=entry_path)
            else:
                self._place(entry, field_path, entry_path)
                value = self._scalar(entry, target.field, field_path=field_path, file_path=entry_path)
                # What could not be read keeps its place: the catalog names entries by their numbers.
                entries.append(nothing_of(target.field) if value is None else value)

    def _scalar(self, node: yaml.Node, field: Any, *, field_path: str, file_path: str) -> Any:
        if isinstance(node, AliasNode):
            self.broken.add(field_path)
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._note(node, file_path, "must be a single value", broken=field_path)
            return None
        try:
            return field_value(node, field)
        except ValueProblem as problem:
            self._note(node, file_path, str(problem), broken=field_path)
            return None

    def _dimension_value(self, node: yaml.ScalarNode, message: Message, *, field_path: str, file_path: str) -> None:
        try:
            message.CopyFrom(dimension_value(node))
        except ValueProblem as problem:
            self._note(node, file_path, str(problem), broken=field_path)

    def _presence(self, node: yaml.Node, field_path: str, file_path: str) -> None:
        """Messages without fields only are there or not: `unlimited: true`."""
        empty = isinstance(node, yaml.MappingNode) and not node.value
        if not empty and not (isinstance(node, yaml.ScalarNode) and node.value == "true"):
            self._note(node, file_path, "must be true; leave the key out where it is not", broken=field_path)

    def _one_of_each(self, message: Message, seen: dict[str, yaml.Node], file_path: str) -> None:
        for oneof in message.DESCRIPTOR.oneofs:
            given = [field.name for field in oneof.fields if field.name in seen]
            for name in given[1:]:
                hint = f"cannot stand beside {given[0]}: give only one of them"
                self._note(seen[name], _joined(file_path, name), hint)

    def _place(self, node: yaml.Node, field_path: str, file_path: str) -> None:
        self.places[field_path] = Place(*place_of(node.start_mark), file_path)

    def _note(self, node: yaml.Node, file_path: str, message: str, *, broken: str | None = None) -> None:
        if broken is not None:
            self.broken.add(broken)
        self.problems.append(Problem(*place_of(node.start_mark), file_path, message))


def _targets(message: Message, field_path: str) -> dict[str, _Target]:
    """The fields that a mapping may set, by key."""
    return {target.field.name: target for target in _each_target(message, field_path)}


def _each_target(message: Message, field_path: str) -> Iterator[_Target]:
    flat = _FLAT.get(message.DESCRIPTOR.full_name)
    if flat is None:
        for field in message.DESCRIPTOR.fields:
            if field.name not in _NOT_OF_THE_FILE:
                yield _Target(message, field, field_path)
        return
    for name in flat:
        part = getattr(message, name)
        part.SetInParent()
        yield from _each_target(part, _joined(field_path, name))


def _name_of(entry: yaml.Node) -> str:
    """What people call an entry of a list; empty where it has no name."""
    if isinstance(entry, yaml.MappingNode):
        keys = {key.value: value for key, value in entry.value if isinstance(key, yaml.ScalarNode)}
        for name in _NAMING_KEYS:
            if isinstance(keys.get(name), yaml.ScalarNode) and 0 < len(keys[name].value) <= 128:
                return str(keys[name].value)
    return ""


def _is_nothing(node: yaml.Node) -> bool:
    """Whether nothing stands after the key, as in a list without entries."""
    return isinstance(node, yaml.ScalarNode) and is_plain(node) and not node.value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
