"""Sphinx: MyST pages, and the API pages out of the docstrings. Nothing is fetched from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import incumbent
import incumbent.testing

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))


def repository() -> str:
    """Return the page of the repository that this was cloned from; nothing if that is no place that others reach."""
    asked = ["git", "-C", str(HERE), "remote", "get-url", "origin"]
    url = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() if which("git") else ""
    url = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", url).removesuffix(".git")
    return url if re.fullmatch(r"https://[^@]+", url) else ""


project = "incumbent"
author = "The incumbent developers"
version = release = incumbent.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "state_machine"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"incumbent {release}"
templates_path, html_static_path, html_css_files = ["_templates"], ["_static"], ["site.css"]
html_context = {"repository": repository()}
html_show_sphinx = html_show_copyright = html_copy_source = False

# What is copied can be pasted: prompts and outputs stay behind, and what is no command or program has no button.
copybutton_prompt_text, copybutton_prompt_is_regexp = r"\$ |>>> |\.\.\. ", True
copybutton_selector = "div.highlight:not(.highlight-text > *, .highlight-output > *, .highlight-none > *) > pre"

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
