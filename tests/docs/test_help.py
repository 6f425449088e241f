"""What `dir`, `help` and editors show of the public names."""

import ast
import inspect
import re
import textwrap
import types

import pytest

import incumbent
import incumbent.testing
import incumbent.toolkit

MODULES = (incumbent, incumbent.testing, incumbent.toolkit)
CLASSES = {
    name: value
    for module in MODULES
    for name, value in ((name, getattr(module, name)) for name in module.__all__)
    if isinstance(value, type) and not isinstance(value, types.GenericAlias)  # which Python 3.10 takes for a type
}


def attributes(cls):
    """Return the public attributes that the source of *cls* sets, by class body or constructor."""
    found = set()
    for node in ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found |= set(targets(node, ast.Name, "id"))
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assign | ast.AnnAssign):
                    found |= set(targets(inner, ast.Attribute, "attr"))
    return {name for name in found if not name.startswith("_")}


def targets(node, kind, name):
    listed = node.targets if isinstance(node, ast.Assign) else [node.target]
    flat = [part for target in listed for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [getattr(target, name) for target in flat if isinstance(target, kind)]


@pytest.mark.parametrize("name", CLASSES)
def test_help_tells_of_every_attribute(name):
    """A comment beside an attribute is seen by nobody but readers of the source: the class's docstring tells of it."""
    told = set(re.findall(r"^ +(\w+): ", "\n".join(base.__doc__ or "" for base in CLASSES[name].__mro__), re.MULTILINE))
    assert attributes(CLASSES[name]) - told == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_dir_shows_the_public_names_only(module):
    """Who lists or completes the names sees what is for them, and no tools of the module's own."""
    assert [name for name in dir(module) if not name.startswith(("__", "@"))] == sorted(module.__all__)
