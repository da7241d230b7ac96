"""What the linters do not see: sizes, leftovers, names that nobody uses.

Each rule is a function of source text that yields complaints as `path:line: sentence`. Names are compared as names, not
resolved: what is called dead is dead, but a dead name that is spelled like a living one goes unseen.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import NamedTuple

LONGEST_FUNCTION = 70
LONGEST_LINE = 120
LONGEST_FILE = 450

PACKAGE = "indicium/"
FACE = "indicium/__init__.py"
"""A name that this file exports as a string is used by the world."""

REGISTERING = frozenset(
    {
        "callback",
        "command",
        "field_serializer",
        "field_validator",
        "listens_for",
        "model_serializer",
        "model_validator",
        "register",
    }
)
"""Decorators whose function is called by the one that it was handed to."""

NOT_FOREIGN = frozenset({"abc", "collections", "enum", "indicium", "pydantic", "typing"})
"""Top-level modules whose classes call no method that a subclass of ours invents."""

_LEFTOVER = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b")
_DIRECTIVE = re.compile(
    r"\b(?:noqa|type: ignore|pragma)\b(?:: ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|\[[a-z-]+\]|: no \w+)?"
)
_WORDS_OF_A_REASON = 3

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """Give every function, also those inside others."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def long_functions(path: str, source: str) -> Iterator[str]:
    """Find functions that do not fit a screen."""
    for function in functions(ast.parse(source)):
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > LONGEST_FUNCTION:
            yield f"{path}:{function.lineno}: {function.name} has {lines} lines"


def long_lines(path: str, source: str) -> Iterator[str]:
    """Find lines that do not fit a screen."""
    for number, line in enumerate(source.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            yield f"{path}:{number}: {len(line)} characters"


def long_files(path: str, source: str) -> Iterator[str]:
    """Find files that should be two."""
    lines = source.count("\n")
    if lines > LONGEST_FILE:
        yield f"{path}:{LONGEST_FILE}: {lines} lines"


def leftovers(path: str, source: str) -> Iterator[str]:
    """Find notes to oneself: they belong in an issue."""
    for number, line in enumerate(source.splitlines(), start=1):
        if found := _LEFTOVER.search(line):
            yield f"{path}:{number}: {found.group()}"


def unexplained_broad_excepts(path: str, source: str) -> Iterator[str]:
    """Find handlers that catch everything, do not raise it again, and have no comment on or under their line why."""
    handlers = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler))
    caught = [handler for handler in handlers if _swallows_everything(handler)]
    comments = _comments(source) if caught else {}  # few files catch everything, and reading their words takes long
    for node in caught:
        said = comments.get(node.lineno, "") + comments.get(node.lineno + 1, "")
        if len(re.findall(r"[A-Za-z]+", _DIRECTIVE.sub("", said))) < _WORDS_OF_A_REASON:
            yield f"{path}:{node.lineno}: catches everything and does not say why"


def _comments(source: str) -> dict[int, str]:
    return {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    match handler.body[-1]:
        case ast.Raise(exc=None):
            return False
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"} for kind in kinds)


def unannotated_functions(path: str, source: str) -> Iterator[str]:
    """Find public functions that do not say what they take and give."""
    for function in functions(ast.parse(source)):
        if function.name.startswith("_") and not _is_dunder(function.name):
            continue
        given = function.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        bare = [name.arg for name in named if name and not name.annotation and name.arg not in {"self", "cls"}]
        if function.returns is None:
            bare.append("return")
        if bare:
            yield f"{path}:{function.lineno}: {function.name} does not annotate {', '.join(bare)}"


class Definition(NamedTuple):
    """A name that a file of the package gives to something."""

    path: str
    name: str
    first: int
    last: int
    """Its lines: what it says of itself there keeps nobody alive."""


class Reference(NamedTuple):
    """A place where a name is used."""

    path: str
    line: int


def dead_names(sources: Mapping[str, str], used_elsewhere: frozenset[str] = frozenset()) -> Iterator[str]:
    """Find functions, classes, constants and methods of the package that nobody refers to.

    `sources` are all Python files by their path, those of the package among them. A private name must be used inside
    the package; a public one by anybody, by the package's face, or by `used_elsewhere`.
    """
    trees = {path: ast.parse(source) for path, source in sources.items()}
    uses: dict[str, list[Reference]] = {}
    for path, tree in trees.items():
        for name, line in _references(path, tree):
            uses.setdefault(name, []).append(Reference(path, line))
    foreign = _foreign_classes(trees)
    for path, tree in trees.items():
        if path.startswith(PACKAGE) and "/migrations/" not in path:
            for definition in _definitions(path, tree, foreign):
                if definition.name not in used_elsewhere and not _is_used(definition, uses):
                    yield f"{path}:{definition.first}: nobody uses {definition.name}"


def _is_used(definition: Definition, uses: Mapping[str, list[Reference]]) -> bool:
    for use in uses.get(definition.name, ()):
        inside_itself = use.path == definition.path and definition.first <= use.line <= definition.last
        counts = use.path.startswith(PACKAGE) or not definition.name.startswith("_")
        if counts and not inside_itself:
            return True
    return False


def _references(path: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                yield name, node.lineno
            case ast.ImportFrom(names=names):
                yield from ((name.name, node.lineno) for name in names if name.asname not in {None, name.name})
            case (
                ast.arg(annotation=ast.Constant(value=str(text)))
                | ast.AnnAssign(annotation=ast.Constant(value=str(text)))
            ):
                yield from ((name, node.lineno) for name in re.findall(r"\w+", text))
            case ast.FunctionDef(returns=ast.Constant(value=str(text))):
                yield from ((name, node.lineno) for name in re.findall(r"\w+", text))
            case ast.Constant(value=str(text)) if path == FACE and text.isidentifier():
                yield text, node.lineno


def _definitions(path: str, tree: ast.Module, foreign: frozenset[str]) -> Iterator[Definition]:
    for node in _at_top(tree.body):
        if isinstance(node, Function | ast.ClassDef):
            yield from _defined(path, node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)):
                if not _is_dunder(name.id):
                    yield Definition(path, name.id, node.lineno, node.end_lineno or node.lineno)
        if isinstance(node, ast.ClassDef) and node.name not in foreign:
            for member in node.body:
                if isinstance(member, Function):
                    yield from _defined(path, member)


def _defined(path: str, node: Function | ast.ClassDef) -> Iterator[Definition]:
    registered = any(_last_name(decorator) in REGISTERING for decorator in node.decorator_list)
    if not registered and not _is_dunder(node.name):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        yield Definition(path, node.name, first, node.end_lineno or node.lineno)


def _at_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _at_top([*node.body, *node.orelse])


def _foreign_classes(trees: Mapping[str, ast.Module]) -> frozenset[str]:
    """Give the classes that stand on another library's: that library calls their methods."""
    bases: dict[str, set[str]] = {}
    foreign: set[str] = set()
    for tree in trees.values():
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in NOT_FOREIGN:
                foreign |= {name.asname or name.name for name in node.names}
            elif isinstance(node, ast.Import):
                foreign |= {name.name for name in node.names if name.name.partition(".")[0] not in NOT_FOREIGN}
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(_first_name(base) for base in node.bases)
    while more := {name for name, of in bases.items() if name not in foreign and of & foreign}:
        foreign |= more
    return frozenset(foreign & bases.keys())


def _first_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
