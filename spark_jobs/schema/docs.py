"""Print docs/schema.md from the schema: ``python -m spark_jobs.schema.docs``."""

from __future__ import annotations

import sys
from textwrap import fill
from typing import Iterable, List, Tuple

from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.schema import LINEAGE, RESCUED, data_columns, units
from spark_jobs.schema.card_issuers import ISSUERS
from spark_jobs.schema.orders import ONLY_IN_FULFILLMENT, STRUCTS
from spark_jobs.schema.redacted_names import (
    LINKS,
    NAMING_KEYS,
    PAIR_OF,
    SHAPES,
    VALUE_KEYS,
    WORDS,
)
from spark_jobs.schema.removals import CLEANED_BELOW, CLEANED_IF_CONTAINING
from spark_jobs.schema.types import Array, Column, Struct, TextMap, Type, read_structs

_LINE_WIDTH = 100

_ABOUT = """# The tables' columns

This page is generated from `spark_jobs/schema`:
`python -m spark_jobs.schema.docs > docs/schema.md`. It describes version {version} of the schema.
Every table file names its version in its metadata, as `checkout_assets.schema_version`.

Both tables, `checkout` and `fulfillment`, have the columns below in this order, the same in every
file; only `fulfillment` has {only}.
Column names are the source's field names in lower case; nested names keep the source's case.
Documents may spell both in any case. Values without a column are in `_rescued`. Files are in
`YEAR=/MONTH=/DAY=` folders: declare these three as strings, so that `08` stays `08`.

"Known" says how sure we are that the source has the field: *certain* (seen in code, documentation
or a real row), *likely*, or a *guess*.

"""

_READING = """
## How to read the tables
**A row is one version of a document, not an order.** Several objects of the source may hold the
same order at different times, and each object is one row. Ids may repeat across accounts
(`instanceid`). For the newest version of each order:

```sql
SELECT * FROM (
  SELECT *, row_number() OVER (
    PARTITION BY instanceid, id
    ORDER BY coalesce(nullif(lastchange, ''), creationdate) DESC, _source_key DESC) AS newest
  FROM checkout)
WHERE newest = 1
```
This compares times as text, which sorts correctly as long as all have the same offset.

**YEAR, MONTH and DAY are the day of the last change, not of the order.** They come from the first
ten characters of `lastchange`, as written, or of `creationdate` if `lastchange` has no valid date.
Time zones are not converted. In the sample that `make demo` migrates, the day differs from the day
of creation in 1,257 of the 2,404 rows of `checkout`. For the orders created on a day, filter on
`creationdate`, and read the partitions of that day and all later ones: an order that was changed
years later is there.

**Amounts are whole cents** (hundredths of the order's currency), as `bigint`:

{cents}

The exception is a price tag whose `isPercentual` is true: its `value` is a percentage. A price
tag's `rawValue` is the same amount in units of the currency. The unit of these fields is unknown:
{unknown}.

**Times are texts, exactly as the source wrote them**, in these shapes:

{times}"""

_NESTED = """
## Nested types
Types in capitals above are defined here. `X[]` is a list of X, `map` a map of text to text.

"""

_CLEANINGS = """
## What is left out: the cleanings
These keys are removed regardless of case, in every value that is or parses as JSON, as the earlier
pipeline did:

- every key that contains `{containing}`, at any depth. `packageAttachment` is one of them: it holds
  the packages' invoice numbers and tracking codes, so the tables do not have these.
{below}

Each removal is counted by its path in lower case (`cleaned` in the publication record, in Dagster's
metadata and in `structure --json`), with `*` for any list index and `?` for a name that is not in
the schema. Raw keeps what was removed.

One field is converted: `productCategories` written as `{{"id": "name"}}` becomes a list of
`id` and `name`.
"""

_REDACTION = """
## What is left out: redaction
Card data is dropped at any depth, in every value that is or parses as JSON, also where it would be
rescued. Each drop is counted by its path (`redacted`), with `*` for any list index and `?` for a
name that is neither in the schema nor in the list below.

Names are compared without case, accents, spaces, `-`, `_` and other punctuation, with escapes,
also those of URLs, decoded: `Número do cartão` and `numero_do_cartao` are one name. A word in
capitals means any of its words in the second table; {links}
may be between two words, and up to two digits may follow.

{names}

{words}

- **A name and its value** in one object count as a member of that name:
  `{{"name": "cardNumber", "value": "..."}}` loses the value. The key of the name may be {naming},
  also in an object of its own or in JSON text. Beside a list or an object that mentions card data
  in its place, the value is dropped only if it is a card number. The key of the value may be
  {valued}. Both keys may have one of
  these prefixes: {pair_of}. In a list, the element after a name of card data is dropped:
  `["cardNumber", "..."]`, also if the name is in an object, a list or JSON text.
- **Tables.** A list of values beside names of columns is dropped whole if one of these is a name of
  card data: `{{"columns": ["id", "cardNumber"], "rows": [...]}}`. The names may be in objects, in
  JSON text, or separated by `,`, `;`, `|` or tabs in one text. In a list of rows whose first row
  has the names, `[["id", "cvv"], ["1", "123"]]` or `["id,cvv", "1,123"]`, a row is dropped if it
  has three digits or more in such a column. Other tables are not recognized: names that are not in
  the first row, rows that are not beside or below them, a column without digits.
- **Inside a card**, names mean those of a card: `{{"card": {{"number": ..., "holder": ...}}}}`.
  Below `payments` and `paymentData` an object under the name of a card is dropped whole. An object
  without such a name also counts as a card if it holds a card number (see the next section) under
  `number`, and an expiry, a code or a holder beside it.
- **A member whose name is card data** is dropped: a body like `cardNumber=4...` or
  `{{"cardNumber": ...}}` that a server took for the name of a form's field, and, below payments or
  inside a card, a card number.
- **Ambiguous names** are dropped below `payments` and `paymentData`. Elsewhere they are dropped
  only if the value could be a card number (12 to 19 digits), for a code also if it has 3 or 4
  digits, and for an expiry also if it is a month and a year: `"Pan": "integral"` is bread and
  stays. The value in an object of such a name is judged alike: `{{"pan": {{"value": "4..."}}}}`.
  In a payment, a plain `number` is dropped if it could be a card number.
- **A card number below payments** is dropped under any name, the schema's own fields included: a
  value that is or holds a card number by the rules of the next section is dropped and counted. So
  a payment's identifier is dropped too if it looks like a card number.
- **Any other name that mentions a card** (`fullCardNumber`, `id_cartao`), or is inside a card, is
  dropped if its value is a card number by the rules of the next section. Gift cards are exempt.
  Any other name that mentions a security code (`encryptedCvv`) is dropped if its value has 3 or 4
  digits.
- **Payments** that are neither empty, an object nor a list of objects are dropped whole: a number,
  a list of texts, text that does not parse.
- **Text that looks like JSON and does not parse** (an extra comma, single quotes, truncated, a
  leading byte order mark, JSON Lines) is replaced by `? (41 characters)` if it names card data
  or payments, or has an ambiguous name and 12 digits, or mentions a card and holds a card number.
  So is any other text that gives such a name a value, `cardNumber=...` or `<cardNumber>...`, if the
  name contains "card", "cartão", "tarjeta", "CVV" or "CVC". Percent escapes and an object in base64
  (`eyJ...`) are decoded: a text that names card data is replaced whole. So is a text with a
  table that has three digits or more in a column of such a name (`id,cvv` in one line, `1,123` in a
  later one), or a card number in a column of any of these names, and a text that holds a card
  number and an ambiguous name with a value (`pan=4...`). A sentence about a card stays.

What stays: truncated numbers (`firstDigits`, `lastDigits`, `bin`), names of payment systems, gift
cards, `dueDate`. No other encodings are decoded.

### Card numbers elsewhere
A number that an issuer could have issued (13 to 19 digits, in one piece or in groups separated by
spaces or hyphens; an issuer's first digits and length; the check digit of ISO/IEC 7812) stays
where it is outside payments. It is counted per column (`card_numbers`), and the check
`no_card_numbers_outside_payments` warns. Numbers are never shown. Known issuers:
{issuers}. By chance, 1 of 10 numbers has a valid check digit: of random 16-digit numbers, 1 of 40
counts as a card number. Numbers of 13 digits that are a valid EAN count as article numbers.
"""

_ADDING = """
## Adding a column
1. In `spark_jobs/schema/orders.py` add a line to COLUMNS: field, type, how sure, meaning. Put it
   beside related columns: readers find columns by name. A new nested type goes to STRUCTS, below
   the structs that it uses. A field of `fulfillment` alone also goes to ONLY_IN_FULFILLMENT.
2. Raise SCHEMA_VERSION in `spark_jobs/contract/publication.py`.
3. Run `python -m spark_jobs.schema.docs > docs/schema.md`, and put the digests that
   `checkout_assets_tests/spark_jobs/test_schema.py` shows into its PINNED.
4. Structure the folders again. Until then their files lack the column: Spark needs
   `mergeSchema`, DuckDB `union_by_name`, and the value is in `_rescued`.

No value is lost while a column is missing, so there is no hurry. Never change a column's type or
name: add a new one. Never add a name that redaction or cleanings remove; a test refuses it.
"""


def markdown() -> str:
    """The page, as Markdown."""
    only = " and ".join(f"`{field.lower()}`" for field in ONLY_IN_FULFILLMENT)
    names = _names_of_structs()
    columns = (*data_columns(OrderType.FULFILLMENT.table), RESCUED, *LINEAGE)
    return (
        _ABOUT.format(version=SCHEMA_VERSION, only=only)
        + _table(
            ("Column", "Source field", "Type", "Known", "Meaning"),
            (_column(column, names) for column in columns),
        )
        + _reading()
        + _NESTED
        + _table(("Type", "Fields"), _structs(names))
        + _cleanings()
        + _redaction()
        + _ADDING
    )


def _names_of_structs() -> List[Tuple[Struct, str]]:
    return [(struct, name) for name, struct in read_structs(STRUCTS).items()]


def _column(column: Column, names: List[Tuple[Struct, str]]) -> Tuple[str, ...]:
    return (
        f"`{column.name}`",
        column.source_field or "-",
        f"`{_type(column.type, names)}`",
        column.confidence,
        column.meaning.replace("<", "&lt;"),
    )


def _structs(names: List[Tuple[Struct, str]]) -> Iterable[Tuple[str, str]]:
    for struct, name in names:
        fields = (f"`{field}: {_type(kind, names)}`" for field, kind in struct.fields)
        yield f"`{name}`", ", ".join(fields)


def _type(kind: Type, names: List[Tuple[Struct, str]]) -> str:
    if isinstance(kind, Array):
        return f"{_type(kind.element, names)}[]"
    if isinstance(kind, TextMap):
        return "map"
    if isinstance(kind, Struct):
        return next((name for struct, name in names if struct == kind), kind.ddl)
    return kind.name


def _reading() -> str:
    shapes = {**units.TIMES, **units.DURATIONS}.items()
    return _READING.format(
        cents=fill(_quoted(units.CENTS), _LINE_WIDTH),
        unknown=_quoted(units.UNIT_UNKNOWN),
        times=_table(("Column or field", "Shape"), ((f"`{name}`", text) for name, text in shapes)),
    )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names, key=str.lower))


def _cleanings() -> str:
    below = "\n".join(f"- `{place[-1]}` at `{' > '.join(place[:-1])}`" for place in CLEANED_BELOW)
    return _CLEANINGS.format(containing=CLEANED_IF_CONTAINING, below=below)


def _redaction() -> str:
    names = ((meaning.value, ", ".join(shapes)) for meaning, shapes in SHAPES.items())
    words = ((f"`{word}`", ", ".join(choices)) for word, choices in WORDS.items())
    return _REDACTION.format(
        links=fill(_quoted(LINKS), _LINE_WIDTH),
        names=_table(("Meaning", "Names"), names),
        words=_table(("Word", "Stands for"), words),
        naming=_quoted(NAMING_KEYS),
        valued=_quoted(VALUE_KEYS),
        pair_of=_quoted(PAIR_OF),
        issuers=", ".join(ISSUERS),
    )


def _table(heads: Tuple[str, ...], rows: Iterable[Tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())
