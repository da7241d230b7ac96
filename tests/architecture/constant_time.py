"""Finds comparisons of what is secret, or proves something, that stop at the first byte that differs.

A name is taken for a secret by the words in it. What is compared in the open on purpose stands in a list with its
reason; a length, a constant in capitals and a known answer of a self test are no secrets.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

SECRET_WORDS = {
    *("authenticator", "digest", "edek", "hmk", "kek", "key", "keys", "mac", "macs", "mak", "mek", "passphrase"),
    *("passphrases", "password", "passwords", "pw", "secret", "secrets", "share", "shares", "signature", "signatures"),
    *("tag", "tags", "token", "tokens", "weight"),
}
"""Words that make a name a secret's, or that of what proves that somebody has one."""

NO_SECRET = {"bits", "count", "size"}
"""Words that make a name a measure's, whatever else is in it."""

WRITTEN_OUT = {"decode", "digest", "encode", "hex", "hexdigest", "rstrip", "strip", "to_bytes"}
"""Methods whose result is what they are called on, in another form."""

OF_PEOPLE = {"user", "account"}
"""Whose `hash` is that of a password."""


class Comparison(NamedTuple):
    """A comparison that takes a time of its own for each pair of values."""

    path: str
    line: int
    text: str


def open_comparisons(path: str, source: str) -> Iterator[Comparison]:
    """Give every `==`, `!=`, `in` and `not in` that looks at a secret."""
    tree = ast.parse(source)
    known = _known_answers(tree)
    for node in _outside(tree, known):
        if isinstance(node, ast.Compare) and any(_is_open(*part) for part in _parts(node)):
            yield Comparison(path, node.lineno, ast.unparse(node))


def _parts(node: ast.Compare) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    yield from zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)


def _is_open(left: ast.expr, how: ast.cmpop, right: ast.expr) -> bool:
    match how:
        case ast.Eq() | ast.NotEq():
            return _names_a_secret(left) or _names_a_secret(right)
        case ast.In() | ast.NotIn():
            return _names_a_secret(left)  # what is looked for is compared; where it is looked for may have any name
        case _:
            return False


def _names_a_secret(value: ast.expr) -> bool:
    return any(_is_secret(name) for name in _names(value))


def _is_secret(name: str) -> bool:
    words = _words(name)
    return not name.isupper() and bool(words & SECRET_WORDS) and not words & NO_SECRET


def _names(value: ast.AST) -> Iterator[str]:
    """Give the names of what a value is made of: the last one of each dotted name, and all around a call."""
    match value:
        case ast.Call(func=ast.Name(id="len" | "type" | "set")):
            return
        case ast.Call(func=ast.Attribute(value=of, attr=name), args=given):
            yield name
            for argument in (*given, of) if name in WRITTEN_OUT else given:
                yield from _names(argument)
        case ast.Attribute(value=of, attr="hash"):
            yield "password" if _words(ast.unparse(of)) & OF_PEOPLE else "hash"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            yield name
        case ast.SetComp(elt=each) | ast.ListComp(elt=each) | ast.GeneratorExp(elt=each):
            yield from _names(each)  # what it was taken from is not what is compared
        case ast.Subscript(value=of, slice=ast.Constant(value=str(name))):
            yield name
            yield from _names(of)
        case _:
            for part in ast.iter_child_nodes(value):
                yield from _names(part)


def _words(name: str) -> set[str]:
    return set(name.lower().replace(".", "_").split("_"))


def _known_answers(tree: ast.Module) -> frozenset[str]:
    """Give the functions that a table of known answers names."""
    return frozenset(
        part.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "KNOWN_ANSWERS"
        for part in ast.walk(node.value or ast.Constant(None))
        if isinstance(part, ast.Name)
    )


def _outside(tree: ast.Module, functions: frozenset[str]) -> Iterator[ast.AST]:
    for node in tree.body:
        if not (isinstance(node, ast.FunctionDef) and node.name in functions):
            yield from ast.walk(node)
