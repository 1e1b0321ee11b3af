"""Files and functions stay small enough to be read at a glance; the exceptions are named in CONTRIBUTING."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("crm_comm_plugin", "hookspecs", "examples", "integrations")
FILE_LINES = 250
FUNCTION_LINES = 30


def files() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted(p for p in (ROOT / folder).rglob("*.py") if not {"build", ".venv"} & set(p.parts))


def pages() -> Iterator[Path]:
    """Scripts, styles and templates of our own."""
    for path in sorted((ROOT / "crm_comm_plugin" / "hosts").rglob("*")):
        if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts:
            yield path


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """(qualified name, lines without its docstring) of every function in a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", lines_of(node)
        inner = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef | ast.FunctionDef) else prefix
        yield from functions(node, inner)


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - docstring


def too_long() -> set[str]:
    found: set[str] = set()
    for path in files():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if text.count("\n") > FILE_LINES:
            found.add(name)
        found |= {f"{name}::{function}" for function, lines in functions(ast.parse(text)) if lines > FUNCTION_LINES}
    return found | {p.relative_to(ROOT).as_posix() for p in pages() if p.read_text("utf-8").count("\n") > FILE_LINES}


def test_only_the_exceptions_in_contributing_are_long():
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Long on purpose")[2]
    named = set(re.findall(r"^- `([^`]+)`: \S", section.partition("\n## ")[0], re.MULTILINE))
    assert too_long() == named


def test_every_file_says_what_it_is_in_its_first_line():
    silent = [p for p in files() if not re.match(r'r?"""\S', p.read_text(encoding="utf-8"))]
    assert silent == []


def test_a_long_function_is_found(tmp_path):
    body = "\n".join(f"    x = {n}" for n in range(FUNCTION_LINES))
    ((name, lines),) = functions(ast.parse(f'def f():\n    """Doc."""\n{body}\n'))
    assert (name, lines) == ("f", FUNCTION_LINES + 1)
