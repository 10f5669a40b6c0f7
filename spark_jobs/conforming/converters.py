"""Convert parsed JSON to column values, by functions compiled from the schema.

A converter takes a value and its path and returns the column's value. If it cannot keep the value,
it reports it to the document and returns None.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from spark_jobs.conforming.about_objects import about
from spark_jobs.conforming.document import Document
from spark_jobs.conforming.exact_json import Number, Object
from spark_jobs.conforming.fates import is_below_payments
from spark_jobs.conforming.mentions import MAY_BE_JSON
from spark_jobs.conforming.paths import Path
from spark_jobs.conforming.scalars import (
    BOOLEAN_TEXTS,
    bigint_of,
    boolean_of,
    comes_back,
    double_of,
)
from spark_jobs.schema.redacted_names import Meaning, meaning_of_name
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type

Converter = Callable[[Any, Path], Any]

_PRODUCT_CATEGORIES = Struct((("id", Primitive("string")), ("name", Primitive("string"))))


def compile_converter(kind: Type, document: Document) -> Converter:
    """Compile the converter of a type; it reports what it cannot keep to ``document``."""
    if isinstance(kind, Struct):
        return _struct(kind, document)
    if isinstance(kind, Array):
        return _array(kind, document)
    if isinstance(kind, TextMap):
        return _text_map(document)
    compilers = {"string": _string, "bigint": _bigint, "double": _double, "boolean": _boolean}
    return compilers[kind.name](document)


def _string(document: Document) -> Converter:
    def convert(value: Any, path: Path) -> Optional[str]:
        kind = type(value)
        if kind is str:
            if value[:1] in MAY_BE_JSON or document.thorough:
                return document.scrubbed(value, path)
            return value  # type: ignore[no-any-return]  # mypy does not narrow by ``type``
        if value is None:
            return None
        if kind is Number:
            return str(value)
        if kind is bool:
            return BOOLEAN_TEXTS[value]
        return document.source_text(path)

    return convert


def _bigint(document: Document) -> Converter:
    def convert(value: Any, path: Path) -> Any:
        if value is None:
            return None
        if isinstance(value, str):  # text or Number
            number = bigint_of(value, is_literal=type(value) is Number)
            if number is not None:
                return number
        return document.unfit(value, path)

    return convert


def _double(document: Document) -> Converter:
    def convert(value: Any, path: Path) -> Any:
        if value is None:
            return None
        if isinstance(value, str) and (number := double_of(value)) is not None:
            if not comes_back(value, number):
                document.rescue(value, path)
            return number
        return document.unfit(value, path)

    return convert


def _boolean(document: Document) -> Converter:
    def convert(value: Any, path: Path) -> Any:
        if value is None or type(value) is bool:
            return value
        if type(value) is str and (flag := boolean_of(value)) is not None:
            return flag
        return document.unfit(value, path)

    return convert


def _array(kind: Array, document: Document) -> Converter:
    element = compile_converter(kind.element, document)
    of_categories = kind.element == _PRODUCT_CATEGORIES

    def convert(value: Any, path: Path) -> Optional[List[Any]]:
        if type(value) is list:
            removed = document.removed_items(value, path)
            return [element(item, (path, i, i)) for i, item in enumerate(value) if i not in removed]
        if of_categories and type(value) is Object and are_categories(path):
            return [{"id": key, "name": name} for key, name in _text_members(document, value, path)]
        return None if value is None else document.unfit(value, path)

    return convert


def are_categories(path: Path) -> bool:
    """Whether an object in place of the list at ``path`` has ids as its keys, names as values."""
    return path is not None and str(path[1]).lower() == "productcategories"


def _text_map(document: Document) -> Converter:
    def convert(value: Any, path: Path) -> Optional[List[Dict[str, Any]]]:
        if type(value) is Object:
            members = _text_members(document, value, path)
            return [{"key": key, "value": text} for key, text in members]
        return None if value is None else document.unfit(value, path)

    return convert


def _text_members(document: Document, value: Object, path: Path) -> List[Tuple[str, Optional[str]]]:
    """Return a free-form object's members as text; all but the last duplicate are rescued."""
    text_of = _string(document)
    said = about(value.pairs)
    kept = [
        (index, key, member)
        for index, (key, member) in enumerate(value.pairs)
        if not document.removes(key, member, path, index, said)
    ]
    last = {key: index for index, key, _ in kept}
    members = []
    for index, key, member in kept:
        below = (path, key, index)
        if last[key] == index:
            members.append((key, text_of(member, below)))
        else:
            document.rescue(member, below)
    return members


def _struct(kind: Struct, document: Document) -> Converter:
    convert_members = compile_members(
        {name: compile_converter(field, document) for name, field in kind.fields},
        {name: name for name, _ in kind.fields},
        document,
    )

    def convert(value: Any, path: Path) -> Optional[Dict[str, Any]]:
        if type(value) is Object:
            return convert_members(value, path)
        return None if value is None else document.unfit(value, path)

    return convert


def compile_members(
    converters: Dict[str, Converter], spellings: Dict[str, str], document: Document
) -> Callable[[Object, Path], Dict[str, Any]]:
    """Convert an object's members to the fields of the same name, regardless of case.

    ``spellings`` gives the source's spelling of each field. Of several members for one field the
    last one spelled exactly so is used, or else the last; the others are rescued.
    """
    # Payments come first: an object without any is dropped.
    exact = {
        spelling: name
        for name, spelling in spellings.items()
        if meaning_of_name(spelling) is not Meaning.PAYMENTS
    }
    folded = {spelling.lower(): name for name, spelling in spellings.items()}

    def convert(value: Object, path: Path) -> Dict[str, Any]:
        chosen: Dict[str, int] = {}
        members = value.pairs
        # A whole document is not a pair of name and value, whatever its columns are called.
        said = None if path is None else about(members)
        may_be_numbers = is_below_payments(path)
        for index, (key, member) in enumerate(members):
            name = exact.get(key)
            if name is None or may_be_numbers or (said is not None and said.is_about(key)):
                if document.removes(key, member, path, index, said):
                    continue
                name = folded.get(key.lower())
                if name is None:
                    document.rescue_unknown(member, (path, key, index))
                    continue
            rival = chosen.get(name)
            if rival is None:
                chosen[name] = index
            elif key == spellings[name] or members[rival][0] != spellings[name]:
                document.rescue(members[rival][1], (path, members[rival][0], rival))
                chosen[name] = index
            else:
                document.rescue(member, (path, key, index))
        row = {}
        for name, index in chosen.items():
            key, member = members[index]
            if member is not None:
                converted = converters[name](member, (path, key, index))
                if converted is not None:
                    row[name] = converted
        return row

    return convert
