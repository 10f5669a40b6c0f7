"""Names of the members that redaction drops, in English, Portuguese and Spanish.

Names are compared folded: unescaped, without accents, in lower case, and reduced to letters and
digits, so that ``Número do cartão``, ``numero_do_cartao``, ``numeroDoCartao`` and
``numero%20do%20cart%C3%A3o`` are one name.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Dict, FrozenSet, Match, Optional, Pattern, Tuple

from spark_jobs.schema.escapes import unescaped
from spark_jobs.schema.name_cache import LONGEST_NAME, cached_if_short


class Meaning(Enum):
    """What a name says of its value."""

    CARD_DATA = "card data: dropped wherever it stands"
    PAYMENTS = "payments: dropped unless objects"
    BILLING_ADDRESS = "billing address: dropped below payments"
    CARD = "a card: an object is dropped below payments"
    MAYBE_NUMBER = "ambiguous: a card number, or something else"
    MAYBE_CODE = "ambiguous: a security code, or something else"
    MAYBE_EXPIRY = "ambiguous: an expiry, or something else"
    MAYBE_HOLDER = "ambiguous: a card holder, or something else"
    BARE_NUMBER = "a number: dropped below payments if it could be a card's"
    MENTIONS_CODE = "more than a security code's name: dropped if its value is 3 or 4 digits"
    MENTIONS_CARD = "more than a card's name: dropped if its value is a card number"

    __hash__ = object.__hash__  # Enum's own is written in Python; each member exists once


WORDS: Dict[str, Tuple[str, ...]] = {
    "CARD": (
        "card", "cards", "credit card", "credit cards", "debit card", "payment card", "bank card",
        "cartao", "cartoes", "cartao credito", "cartao de credito", "cartao debito",
        "cartao de debito", "tarjeta", "tarjetas", "tarjeta credito", "tarjeta de credito",
        "tarjeta debito", "tarjeta de debito",
    ),
    "NUMBER": ("number", "numbers", "numero", "numeros", "num", "nro", "nr", "nbr"),
    "HOLDER": ("holder", "holders", "titular", "titulares", "portador"),
    "OWNER": ("owner", "owners", "dono", "propietario", "proprietario"),
    "NAME": (
        "name", "full name", "first name", "last name", "nome", "nome completo", "sobrenome",
        "nombre", "nombre completo", "apellido", "apellidos",
    ),
    "PRINTED": (
        "as", "as printed", "as shown", "printed", "embossed", "emboss", "impresso", "impreso",
        "gravado", "grabado",
    ),
    "PERSON": (
        "document", "document number", "document type", "documento", "numero documento",
        "tipo documento", "cpf", "cnpj", "rg", "dni", "rut", "rfc", "curp", "cuit", "nif",
        "email", "phone", "telefone", "telefono", "birth date", "birthday", "address",
    ),
    "CODE": ("code", "codigo", "cod", "number", "numero"),
    "SECURITY": ("security", "seguranca", "seguridad"),
    "PROOF": (
        "verification", "validation", "verificacao", "validacao", "verificacion", "validacion",
    ),
    "CVV": ("cvv", "cvc", "ccv", "cvv2", "cvc2"),
    "PIN": ("pin", "password", "senha", "clave", "contrasena"),
    "EXPIRES": ("expire", "expires", "expiry", "expiration"),
    "EXPIRY": (
        "exp", "expire", "expires", "expiry", "expiration", "expiracao", "expiracion", "validade",
        "validez", "validity", "valid thru", "valid until", "good thru", "vencimento",
        "vencimiento", "venc", "caducidad",
    ),
    "WHEN": (
        "month", "year", "date", "month year", "mes", "ano", "anio", "data", "fecha", "mm", "yy",
        "yyyy",
    ),
    "ABOUT": ("info", "information", "data", "details", "dados", "datos"),
    "CONNECTOR": ("connector", "conector", "conectores"),
    "RESPONSE": ("response", "responses", "resposta", "respostas", "respuesta", "respuestas"),
}  # fmt: skip
"""A word in capitals in SHAPES stands for any of these."""

LINKS = (
    "s", "de", "do", "da", "dos", "das", "del", "la", "el", "of", "the", "on", "in", "no", "na",
    "em", "en",
)  # fmt: skip
"""Words that may stand between the words of a shape: ``nombreDelTitular``, ``nameOnCard``."""

SHAPES: Dict[Meaning, Tuple[str, ...]] = {
    Meaning.CARD_DATA: (
        "CARD NUMBER", "CARD no", "CARD pan", "NUMBER CARD", "cc NUMBER", "cc no",
        "primary account number", "application primary account number",
        "CARD HOLDER", "CARD HOLDER NAME", "CARD HOLDER PERSON", "HOLDER NAME", "HOLDER PERSON",
        "HOLDER CARD", "HOLDER CARD NAME", "NAME HOLDER", "NAME HOLDER CARD", "PERSON HOLDER",
        "PERSON HOLDER CARD", "CARD OWNER", "CARD OWNER NAME", "CARD OWNER PERSON", "NAME CARD",
        "NAME PRINTED CARD", "cc NAME", "cc HOLDER", "cc OWNER",
        "OWNER CARD", "tarjetahabiente", "tarjetahabiente NAME",
        "CVV", "CVV CVV", "CVV CODE", "CVV CARD", "CARD CVV", "CODE CVV", "cc CVV", "cc cid",
        "cc csc", "CARD csc", "CARD CODE", "CODE CARD", "SECURITY CODE", "CARD SECURITY CODE",
        "CODE SECURITY", "CODE SECURITY CARD", "validation code", "verification code",
        "CARD PROOF CODE", "CODE PROOF CARD", "CARD PROOF value", "CARD PIN", "PIN CARD",
        "EXPIRES WHEN", "application EXPIRES WHEN", "CARD expired WHEN", "due month",
        "due year", "CARD EXPIRY", "CARD EXPIRY WHEN",
        "CARD WHEN EXPIRY", "EXPIRY CARD", "EXPIRY WHEN CARD", "WHEN EXPIRY CARD", "cc EXPIRY",
        "cc EXPIRY WHEN",
        "CONNECTOR RESPONSE", "RESPONSE CONNECTOR",
    ),
    Meaning.PAYMENTS: ("payment data", "payments"),
    Meaning.BILLING_ADDRESS: (
        "billing address", "billing details", "billing info", "billing data", "endereco cobranca",
        "endereco faturamento", "direccion facturacion",
    ),
    Meaning.CARD: ("CARD", "CARD ABOUT", "ABOUT CARD", "cc"),
    Meaning.MAYBE_NUMBER: ("pan", "pan NUMBER", "fpan", "dpan", "full pan", "ccn"),
    Meaning.MAYBE_CODE: (
        "csc", "cid", "cvn", "cvd", "PROOF CODE", "CODE PROOF", "PROOF value", "cod seg",
        "codigo seg", "CODE verificador",
    ),
    Meaning.MAYBE_EXPIRY: ("EXPIRY", "EXPIRY WHEN", "WHEN EXPIRY", "expired WHEN"),
    Meaning.MAYBE_HOLDER: (
        "HOLDER", "CARD NAME", "nome impresso", "nombre impreso", "printed name", "emboss name",
        "embossed name",
    ),
    Meaning.BARE_NUMBER: (
        "number", "numero", "num", "nro", "account NUMBER", "acct NUMBER", "full NUMBER",
        "NUMBER completo",
    ),
}  # fmt: skip
"""The names of each meaning: a sequence of words, followed by at most two digits.

If a name has several meanings, the first counts. ``dueDate`` is missing on purpose: payment slips
have one too.
"""

AMBIGUOUS = frozenset(
    (Meaning.CARD, Meaning.MAYBE_NUMBER, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY)
) | {Meaning.MAYBE_HOLDER, Meaning.BARE_NUMBER, Meaning.MENTIONS_CODE, Meaning.MENTIONS_CARD}
"""Meanings for which a member's place and value decide."""

MENTIONS = frozenset((Meaning.MENTIONS_CODE, Meaning.MENTIONS_CARD))
"""Meanings of names that are not in SHAPES, but mention such a word; the rest is unknown."""

NO_CERTAIN_NAME = frozenset((None, *MENTIONS))
"""Meanings of a text that may as well be a value as a name."""

CARD_WORD = re.compile("card|cart(?:ao|oes)|tarjeta|cv[vc]|ccv")
"""Words by which a name in text outside JSON is recognized; applied to ``plain`` text."""

NAMING_KEYS = frozenset(
    (
        "name", "key", "id", "field", "fieldname", "code", "label", "type", "title", "property",
        "attribute", "param", "parameter", "k", "nome", "nombre", "chave", "clave", "campo",
        "codigo", "rotulo", "etiqueta", "tipo", "question", "pergunta", "pregunta", "slug",
        "header", "heading", "column", "variable", "description", "n", "attributes", "attrs", "$",
        "names", "keys", "fields", "columns", "headers", "labels", "params", "cols", "col", "head",
        "thead",
    )
)  # fmt: skip
VALUE_KEYS = frozenset(
    (
        "value", "values", "val", "v", "content", "text", "data", "answer", "fieldvalue",
        "defaultvalue", "rawvalue", "currentvalue", "inputvalue", "newvalue", "oldvalue",
        "stringvalue", "textvalue", "valor", "valores", "conteudo", "contenido", "texto",
        "resposta", "respuesta", "default", "input", "arg", "argument", "cell", "response",
        "reply", "entry", "vals", "rows", "row", "cells", "records", "body", "tbody", "t", "_", "#",
    )
)  # fmt: skip
"""Folded keys of the value in an object that holds a name and its value."""

PAIR_OF = (
    "attr", "attribute", "cell", "column", "custom", "element", "entry", "field", "form", "input",
    "meta", "option", "param", "parameter", "prop", "property", "question", "string", "user",
    "variable",
)  # fmt: skip
"""Words that may stand before these keys: ``propertyName``, ``propertyValue``."""

LONGEST_ESCAPED_NAME = len("\\u0061") * LONGEST_NAME
"""The longest name looked at, in characters, if each of its letters is escaped."""

_BETWEEN_IN_TEXT = r"(?:[^\w\s\"\\]|[ _]){0,3}"
_KNOWN_NAMES = 1 << 14
_PAIR_OF = re.compile(f"(?:{'|'.join(sorted(PAIR_OF, key=len, reverse=True))})?(.*)")
_NUMERO = re.compile("[nN][\u00ba\u00b0]|\u2116")
_OTHER_THAN_NAMES = re.compile("[^a-z0-9]+")
_MENTIONS_CARD = re.compile("card|cart(?:ao|oes)|tarjeta")
_MENTIONS_CODE = re.compile("cvv|securitycode|codigo(?:de)?segur")
_OTHER_CARDS = re.compile("gift|presente|regalo|vale|isspecial")
_OPENINGS = frozenset(
    choice[:2]
    for shapes in SHAPES.values()
    for word in (shape.split()[0] for shape in shapes)
    for choice in WORDS.get(word, (word,))
)
"""The first two letters of all names in SHAPES: a quick test that excludes most names."""
_OTHER_THAN_LATIN = re.compile("[^\x00-\u02ff]")
"""Letters that may be separate accents."""


def plain(text: str) -> str:
    """The text in lower case, without accents, and with signs such as ``nº`` as the word number."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", _NUMERO.sub("numero", text)).casefold()
    return _OTHER_THAN_LATIN.sub(_unless_accent, letters)


def _unless_accent(letter: Match[str]) -> str:
    return "" if unicodedata.combining(letter[0]) else letter[0]


def folded(name: str) -> str:
    """The name in the form in which names are compared."""
    return _OTHER_THAN_NAMES.sub("", plain(unescaped(name)))


@cached_if_short(_KNOWN_NAMES)
def meaning_of_name(name: str) -> Optional[Meaning]:
    """What a name says about its value; None if the name does not concern redaction."""
    if len(name) > LONGEST_ESCAPED_NAME or len(unescaped(name)) > LONGEST_NAME:
        return None
    short = folded(name)
    if short[:2] in _OPENINGS:
        for meaning in SHAPES:
            if _names(meaning).fullmatch(short):
                return meaning
    if _MENTIONS_CODE.search(short):
        return Meaning.MENTIONS_CODE
    return Meaning.MENTIONS_CARD if _is_about_card(short) else None


def _is_about_card(short: str) -> bool:
    return _MENTIONS_CARD.search(short) is not None and _OTHER_CARDS.search(short) is None


@cached_if_short(_KNOWN_NAMES)
def is_naming_key(key: str) -> bool:
    """Whether a member with this key may hold the name of the object's value."""
    return _is_of_pair(key, NAMING_KEYS)


@cached_if_short(_KNOWN_NAMES)
def is_value_key(key: str) -> bool:
    """Whether a member with this key may hold the value that another member names."""
    return _is_of_pair(key, VALUE_KEYS)


def _is_of_pair(key: str, keys: FrozenSet[str]) -> bool:
    short = folded(key) or key
    return short in keys or _PAIR_OF.sub(r"\1", short, count=1) in keys


@cache
def names_in_text(*meanings: Meaning) -> Pattern[str]:
    """A pattern that finds the meanings' names as whole words in ``plain`` text."""
    names = "|".join(_pattern(each, _BETWEEN_IN_TEXT) for each in meanings)
    return re.compile(f"(?<![a-z0-9])(?:{names})(?:[ _-]?[0-9]{{1,2}}(?![0-9]))?(?![a-z])")


def is_named_in_text(text: str, *meanings: Meaning) -> bool:
    """Whether ``names_in_text`` finds a name; faster: it looks for names' first words first."""
    names = names_in_text(*meanings)
    return any(names.match(text, word.start()) for word in _first_words(*meanings).finditer(text))


@cache
def _first_words(*meanings: Meaning) -> Pattern[str]:
    shapes = [shape.split()[0] for meaning in meanings for shape in SHAPES[meaning]]
    first = {choice.split()[0] for word in shapes for choice in WORDS.get(word, (word,))}
    by_letter = groupby(sorted(first), itemgetter(0))
    # If all alternatives begin with a letter, the search stops at few characters.
    return re.compile(
        "|".join(
            f"{letter}(?<![a-z0-9]{letter})(?:{'|'.join(word[1:] for word in words)})"
            for letter, words in by_letter
        )
    )


@cache
def _names(meaning: Meaning) -> Pattern[str]:
    return re.compile(f"{_pattern(meaning, '')}[0-9]{{0,2}}")


def _pattern(meaning: Meaning, between: str) -> str:
    link = f"{between}(?:(?:{'|'.join(LINKS)}){between})*"
    shapes = (
        link.join(_word(word, between) for word in shape.split()) for shape in SHAPES[meaning]
    )
    return f"(?:{'|'.join(shapes)})"


def _word(word: str, between: str) -> str:
    choices = sorted(WORDS.get(word, (word,)), key=len, reverse=True)
    return f"(?:{'|'.join(choice.replace(' ', between) for choice in choices)})"
