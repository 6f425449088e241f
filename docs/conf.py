"""Sphinx: MyST pages, and the API pages out of the docstrings. Nothing is fetched from elsewhere."""

import sys
from pathlib import Path

import incumbent
import incumbent.testing

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "incumbent"
author = "The incumbent developers"
version = release = incumbent.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "state_machine"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"incumbent {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
default_role = "code"  # the docstrings are written as Markdown is: `name`
# Names of other projects are not looked up: that would need their sites at every build.
nitpick_ignore_regex = [("py:.*", r"(?!incumbent\b).*")]
# Type variables stand in signatures, but there is nothing to be read about them.
nitpick_ignore = [
    ("py:class", "incumbent.aio._T"),
    ("py:class", "incumbent.toolkit.keepalive.T"),
    ("py:class", "incumbent.toolkit.tls.Destination"),
    ("py:class", "incumbent.toolkit.sessions.S"),
    ("py:class", "incumbent.toolkit.translation.E"),
]

# The public names are documented where they are imported from, not where they are written.
for module in (incumbent, incumbent.testing):
    for name in module.__all__:
        value = getattr(module, name)
        if getattr(value, "__module__", "").startswith("incumbent."):
            value.__module__ = module.__name__
