"""The types of columns, and reading them from the schema's text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Tuple, Union

if TYPE_CHECKING:
    import pyarrow as pa

PRIMITIVES = ("string", "bigint", "double", "boolean")


@dataclass(frozen=True)
class Primitive:
    """``string``, ``bigint``, ``double`` or ``boolean``."""

    name: str

    @property
    def ddl(self) -> str:
        """As Spark and Athena write it."""
        return self.name


@dataclass(frozen=True)
class TextMap:
    """A map of text to text with free-form keys."""

    @property
    def ddl(self) -> str:
        """As Spark and Athena write it."""
        return "map<string,string>"


@dataclass(frozen=True)
class Struct:
    """Named fields in order, spelled as in the source."""

    fields: Tuple[Tuple[str, Type], ...]

    @property
    def ddl(self) -> str:
        """As Spark and Athena write it."""
        return f"struct<{','.join(f'{name}:{kind.ddl}' for name, kind in self.fields)}>"


@dataclass(frozen=True)
class Array:
    """A list of elements of one type."""

    element: Type

    @property
    def ddl(self) -> str:
        """As Spark and Athena write it."""
        return f"array<{self.element.ddl}>"


Type = Union[Primitive, TextMap, Struct, Array]


@dataclass(frozen=True)
class Column:
    """A column of a table: name, source field, type, confidence and meaning."""

    name: str
    source_field: str
    type: Type
    confidence: str
    meaning: str

    @property
    def ddl(self) -> str:
        """Its type as Spark and Athena write it."""
        return self.type.ddl


def read_structs(text: str) -> Dict[str, Struct]:
    """The structs that the schema's text defines; each may use those before it."""
    structs: Dict[str, Struct] = {}
    for name, lines in _blocks(text):
        fields: List[Tuple[str, Type]] = []
        for line in lines:
            if line.startswith("..."):
                fields.extend(structs[line[3:]].fields)
            else:
                names, _, kind = line.partition(":")
                fields.extend((field, read_type(kind.strip(), structs)) for field in names.split())
        structs[name] = Struct(tuple(fields))
    return structs


def read_columns(text: str, structs: Dict[str, Struct]) -> Tuple[Column, ...]:
    """The columns that the schema's text lists, in order."""
    columns = []
    for line in text.strip().splitlines():
        field, kind, confidence, *meaning = line.split(None, 3)
        columns.append(
            Column(field.lower(), field, read_type(kind, structs), confidence, "".join(meaning))
        )
    return tuple(columns)


def read_type(text: str, structs: Dict[str, Struct]) -> Type:
    """The type that a word of the schema's text names; raises KeyError for an unknown one."""
    if text.endswith("[]"):
        return Array(read_type(text[:-2], structs))
    if text == "map":
        return TextMap()
    return Primitive(text) if text in PRIMITIVES else structs[text]


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type of a column or field."""
    import pyarrow as pa

    if isinstance(kind, Array):
        return pa.list_(arrow_type(kind.element))
    if isinstance(kind, Struct):
        return pa.struct([(name, arrow_type(field)) for name, field in kind.fields])
    if isinstance(kind, TextMap):
        return pa.map_(pa.string(), pa.string())
    names = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}
    return names.get(kind.name, pa.bool_())


def _blocks(text: str) -> List[Tuple[str, List[str]]]:
    """Each struct's name and its lines; a line without a type at its end continues on the next."""
    blocks: List[Tuple[str, List[str]]] = []
    begun = ""
    for line in text.strip().splitlines():
        words = line.strip()
        if words.isupper() and not words.startswith("..."):
            blocks.append((words, []))
            continue
        begun = f"{begun} {words}".strip()
        if begun.startswith("...") or (":" in begun and not begun.endswith(":")):
            blocks[-1][1].append(begun)
            begun = ""
    return blocks
