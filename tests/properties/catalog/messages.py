"""Any message of the contract, from nonsense to nearly right."""

import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_IDS = [
    "gates",
    "miles",
    "lounge",
    "support",
    "airport",
    "gold",
    "silver",
    "bronze",
    "extra",
    "more",
    "WELCOME20",
    "history",
    "email",
    "new",
    "",
    "a b",
    "-",
    "x" * 129,
]
_NUMBERS = ["0", "1", "5", "5.50", "10", "-1", "1e3", "NaN", "", "9" * 19, "0.0000000000001", "٣"]
_WORDS = ["USD", "JPY", "usd", "XXX", "DE", "UK", "Gates", "é" * 201, "x" * 2_001, "\U0001f6eb", "\u202e"]
_TEXTS = [*_IDS, *_NUMBERS, *_WORDS]


def fill(message: Message, chance: random.Random, *, depth: int = 0) -> None:
    """Sets some of the message's fields to something."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < (0.6 if depth < 6 else 0.2):
            _set(message, field, chance, depth=depth)


def mutate(message: Message, chance: random.Random) -> None:
    """Changes one place of the message: clears it, sets it anew, or repeats an entry."""
    holders = [message, *_within(message)]
    holder = chance.choice(holders)
    fields: list[Any] = list(holder.DESCRIPTOR.fields)
    if not fields:
        return
    field = chance.choice(fields)
    entries = getattr(holder, field.name)
    if chance.random() < 0.3:
        holder.ClearField(field.name)
    elif field.is_repeated and len(entries) and chance.random() < 0.6:
        entries.extend([entries[chance.randrange(len(entries))]])
    else:
        _set(holder, field, chance, depth=3)


def _within(message: Message) -> list[Message]:
    found: list[Message] = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in value if field.is_repeated else [value]:
                found += [child, *_within(child)]
    return found


def _set(message: Message, field: Any, chance: random.Random, *, depth: int) -> None:
    if field.is_repeated:
        entries = getattr(message, field.name)
        for _ in range(chance.randrange(4)):
            if field.message_type is not None:
                fill(entries.add(), chance, depth=depth + 1)
            else:
                entries.append(_scalar(field, chance))
    elif field.message_type is not None:
        child = getattr(message, field.name)
        child.SetInParent()
        fill(child, chance, depth=depth + 1)
    else:
        setattr(message, field.name, _scalar(field, chance))


def _scalar(field: Any, chance: random.Random) -> Any:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return chance.choice(_TEXTS)
        case FieldDescriptor.TYPE_BOOL:
            return chance.random() < 0.5
        case FieldDescriptor.TYPE_ENUM:
            return chance.choice([*(value.number for value in field.enum_type.values), 99, -1])
        case _:
            return chance.choice([0, 1, -1, 2**31 - 1])


chances = st.integers(0, 2**32 - 1).map(random.Random)
