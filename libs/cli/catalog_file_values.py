"""What a scalar of a catalog file means for a field of the contract."""

import re
from typing import Any, Final

import yaml
from google.protobuf.descriptor import FieldDescriptor

from tollkeeper.catalog.v1 import feature_pb2

_UNSPECIFIED: Final = "UNSPECIFIED"
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Nine digits fit into the contract's numbers; the catalog has narrower bounds.
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_NULLS: Final = frozenset({"~", "null", "Null", "NULL"})
_TRUTHS: Final = {"true": True, "false": False}


class ValueProblem(Exception):  # noqa: N818 - its text is a problem's message.
    """The scalar is none of what the field takes."""


def field_value(node: yaml.ScalarNode, field: Any) -> Any:
    """The value of a text, boolean, whole number or enum field.

    Raises:
        ValueProblem: It says what the field takes.
    """
    text = text_of(node)
    if field.enum_type is not None:
        return _choice(text, field.enum_type)
    if field.type == FieldDescriptor.TYPE_BOOL:
        if text not in _TRUTHS:
            raise ValueProblem("must be true or false")
        return _TRUTHS[text]
    if field.type == FieldDescriptor.TYPE_INT32:
        if _WHOLE.fullmatch(text) is None:
            raise ValueProblem("must be a whole number of at most nine digits, such as 14")
        return int(text)
    return text


def nothing_of(field: Any) -> Any:
    """What stands for an entry of a list of texts or whole numbers that could not be read."""
    return 0 if field.type == FieldDescriptor.TYPE_INT32 else ""


def is_plain(node: yaml.ScalarNode) -> bool:
    """Whether the scalar stands there without quotes and not as a block."""
    return not node.style


def text_of(node: yaml.ScalarNode) -> str:
    """The text as it stands in the file.

    Raises:
        ValueProblem: It is a null, or holds U+0000, which no text of ours may.
    """
    if is_plain(node) and node.value in _NULLS:
        raise ValueProblem(f'must not be {node.value}: leave the key out, or quote the text: "{node.value}"')
    text = str(node.value)
    if "\0" in text:
        raise ValueProblem("must not contain the character U+0000: remove it")
    return text


def dimension_value(node: yaml.ScalarNode) -> feature_pb2.Value:
    """What a dimension is compared with: without quotes `true`, `false` and numbers are such; all else is text.

    Raises:
        ValueProblem: As of `text_of`; or nothing stands there.
    """
    text = text_of(node)
    if is_plain(node):
        if not text:
            raise ValueProblem('must be a value; the empty text is written ""')
        if text in _TRUTHS:
            return feature_pb2.Value(bool_value=_TRUTHS[text])
        if _NUMBER.fullmatch(text):
            return feature_pb2.Value(number_value=text)
    return feature_pb2.Value(string_value=text)


def _choice(text: str, choices: Any) -> int:
    prefix = choices.values[0].name.removesuffix(_UNSPECIFIED)
    words = {value.name.removeprefix(prefix): int(value.number) for value in choices.values}
    del words[_UNSPECIFIED]
    if text.upper() not in words:
        *others, last = words
        raise ValueProblem(f"must be {', '.join(others)} or {last}")
    return words[text.upper()]
