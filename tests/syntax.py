"""The syntax trees of the package's files, for tests of what stands in them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path


def nodes(path: Path, words: Iterable[str]) -> Iterable[ast.AST]:
    """All nodes of a file in which one of the words stands; of any other none, without parsing it."""
    text = path.read_text("utf-8")
    return ast.walk(ast.parse(text)) if any(word in text for word in words) else ()
