"""Every Python block and every command of the documentation is run, and prints what the page says."""

import ast
import contextlib
import doctest
import functools
import os
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from programs import started
from prometheus_client import CollectorRegistry
from stores import STORES

from incumbent import cli
from incumbent.prometheus import PrometheusObserver

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "core/README.md", ROOT / "plugins/README.md", *ROOT.glob("docs/**/*.md")])
#: Commands in `sh` blocks set up a machine. Those of these pages are run by `.ci/run`; others only repeat them.
RUN_BY_CI = ["CONTRIBUTING.md", "README.md"]
RUN = ("python", "pycon", "console", "bash", "output")
#: What is shown and not run: drawings and layouts, and commands for servers of the reader's own.
SHOWN, UNRUN = {"text", "toml"}, "shell"
#: What differs from one run, machine or reader to the next: in its place both texts get the same word. The tokens of a
#: server are its own revisions.
VARYING = {
    "id": r"[\w.-]+:\d+:[0-9a-f]{8}\b",
    "time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d",
    "ago": r"[\d.]+ (?:ms|s) ago",
    "while": r"(?<=after )[\d.]+ (?:ms|s)|(?<=took )[\d.]+ (?:ms|s)|(?<=in )\d+ d(?: \d+ h)?",
    "warnings": r"\d+ warnings?",
    "package": r"incumbent-\w+ [\d.]+",
    "  ": r" {2,}",  # columns are as wide as what is in them
}
#: Pages that are read beside a server, which for their readers is at the port that they name.
BESIDE = {"first-steps-etcd.md": ("etcd", 2379), "first-steps-consul.md": ("consul", 8500)}
#: On etcd a leader tells since when it leads with its first check: a reader may be faster, or not.
TOLD_LATER = ["first-steps-etcd.md"]
#: Seconds that a command of the documentation may take on a slow, busy machine.
PATIENCE = 300


@functools.cache
def fences(page):
    """Return the fenced blocks of *page* that are not directives: language, text, line number."""
    tokens = MarkdownIt().parse(page.read_text())
    blocks = [(token.info, token.content, token.map[0] + 2) for token in tokens if token.type == "fence"]
    return [block for block in blocks if not block[0].startswith("{")]


def pages_with(*languages):
    """Return the pages that have a block of one of *languages*, named by their paths."""
    found = [page for page in PAGES if any(language in languages for language, _, _ in fences(page))]
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in found]


class Reader:
    """Does what *page* says, in order, in an empty directory that is also the home of all state."""

    def __init__(self, page, terminal):
        self.terminal = terminal
        self.page = page
        self.names = {"__name__": "__main__"}
        self.code = 0
        self.shell = None
        self.said = ""

    def python(self, text, line):
        """Run a Python block; one that begins with its file's name is saved, or added, for the commands that follow."""
        saved = re.match(r"# (\S+\.py)(, continued)?\n", text)
        if saved:
            path = Path(saved[1])
            path.write_text((path.read_text() if saved[2] else "") + text)
        else:
            exec(compile("\n" * (line - 1) + text, self.page, "exec"), self.names)

    def pycon(self, text, line):
        """Run a Python dialogue as doctest does."""
        test = doctest.DocTestParser().get_doctest(text, self.names, self.page.name, str(self.page), line)
        said = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append, clear_globs=False)
        self.names.update(test.globs)
        assert not said, "".join(said)

    def console(self, text, line):
        """Run the commands after `$ `, and compare what they print with what follows them."""
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            shell = ["bash", "-c", f"(exit {self.code}); {command}"]
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            with started(*shell, text=True, **streams) as process:
                out, _ = process.communicate(timeout=PATIENCE)
            where = f"{self.page}:{line}: $ {command}\n{out}"
            as_told = doctest.OutputChecker().check_output(
                alike(expected, self.page), alike(out, self.page), doctest.ELLIPSIS
            )
            assert as_told, where
            # A failure must be part of the story: the page then asks for the code with `echo $?`.
            assert process.returncode == 0 or f"$ {command}\n{expected}$ echo $?" in text, where
            self.code = process.returncode

    def bash(self, text, line):
        """Run a block as a reader does who copies it into a terminal, the same one for all of a page."""
        if self.shell is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            shell = started("bash", "-c", "exec bash 2>.stderr", **pipes)
            self.shell = self.terminal.enter_context(shell)
        (block := Path(".block").resolve()).write_text(text)
        self.shell.stdin.write(f". {block} </dev/null; printf '\\n%s %d\\n' :done: $?\n".encode())
        self.shell.stdin.flush()
        out = b""
        end = time.monotonic() + PATIENCE
        while not (done := re.search(rb"\n:done: (\d+)\n\Z", out)):
            assert select.select([self.shell.stdout], [], [], max(0.0, end - time.monotonic()))[0], out
            out += (some := os.read(self.shell.stdout.fileno(), 1 << 16))
            assert some, f"the shell has ended: {out}"
        self.said = out[: done.start()].decode()
        assert done[1] == b"0", f"{self.page}:{line}: {text}{self.said}{Path('.stderr').read_text()}"

    def output(self, text, line):
        """Compare it with what the block before it has printed."""
        told, seen = alike(text, self.page), alike(self.said, self.page)
        assert doctest.OutputChecker().check_output(told, seen, doctest.ELLIPSIS), f"{self.page}:{line}: {self.said}"


@contextlib.contextmanager
def beside(page, folder):
    """Start the server that *page* supposes, and yield what a reader calls its place, and where it is here."""
    if page.name not in BESIDE:
        yield "", ""
        return
    name, port = BESIDE[page.name]
    folder.mkdir()
    store = STORES[name](folder)
    try:
        with pytest.MonkeyPatch.context() as environment:
            tools = Path(os.environ[f"INCUMBENT_{name.upper()}_BIN"]).parent
            environment.setenv("PATH", str(tools), prepend=os.pathsep)
            here = store.url.partition("://")[2]
            environment.setenv("ETCDCTL_ENDPOINTS", here)
            environment.setenv("CONSUL_HTTP_ADDR", here)
            yield f"127.0.0.1:{port}", here
    finally:
        store.close()


def alike(text, page):
    """Return *text* of *page* as another reader sees it, at another time."""
    varying = ({"token": r"(?<=token )( *)\d+"} if page.name in BESIDE else {}) | VARYING
    text = text.replace(str(Path.cwd()), "/home/you").rstrip() + "\n"
    if page.name in TOLD_LATER:
        text = re.sub(r"^since .*\n", "", text, flags=re.MULTILINE)
    for word, pattern in varying.items():
        text = re.sub(pattern, f"<{word}>", text)
    return text


@pytest.fixture
def in_home(tmp_path, monkeypatch):
    """Work in an empty directory, with the commands of this environment and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("INCUMBENT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    # What a page installs is built with what is here, and is found by the commands of this page only.
    site = str(tmp_path / "site")
    for name, value in {"TARGET": site, "NO_DEPS": "1", "NO_INDEX": "1", "NO_BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PYTHONPATH", site)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # else the settings of whatever stands above it would count
    # The registry of this process can have the metrics once.
    monkeypatch.setattr(PrometheusObserver.__init__, "__defaults__", (CollectorRegistry(),))


@pytest.mark.usefixtures("in_home")
@pytest.mark.parametrize("page", pages_with(*RUN))
def test_page_does_what_it_says(page, tmp_path):
    """The blocks of a page run in order, each in the state that those before it left."""
    with contextlib.ExitStack() as terminal:
        told, here = terminal.enter_context(beside(page, tmp_path / "server"))
        reader = Reader(page, terminal)
        for language, text, line in fences(page):
            if language in RUN:
                getattr(reader, language)(text.replace(told, here) if told else text, line)


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_block_is_run_somewhere(page):
    """A page has no block of a kind that nobody runs."""
    kinds = {language for language, _, _ in fences(page)}
    assert kinds <= {*RUN, "sh", UNRUN} | SHOWN
    set_up = {text for source in RUN_BY_CI for language, text, _ in fences(ROOT / source) if language == "sh"}
    assert {text for language, text, _ in fences(page) if language == "sh"} <= set_up
    shown = "".join(text for language, text, _ in fences(page) if language in SHOWN)
    assert not re.search(r"^[$>]", shown, re.MULTILINE)


@pytest.mark.parametrize("page", pages_with(UNRUN))
def test_commands_that_are_not_run_are_taken(page, monkeypatch):
    """What needs servers of the reader's own is a program for the shell, whose commands of ours have good arguments."""
    for text in (text for language, text, _ in fences(page) if language == UNRUN):
        subprocess.run(["bash", "-n", "-c", text], check=True)
        for words in (shlex.split(line, comments=True) for line in text.replace("\\\n", "").splitlines()):
            if words[:1] == ["incumbent"]:
                monkeypatch.setattr(cli.module_of(words[1]), "run", lambda _: 0)
                assert cli.main(words[1:]) == 0, words


def programs():
    """Return every Python program that is shown: the blocks of a page that build on each other, and the examples."""
    for page in PAGES:
        yield page, "\n".join(text for language, text, _ in fences(page) if language == "python")
    for example in sorted(ROOT.glob("docs/examples/**/*.py")):
        yield example, example.read_text()


def test_no_shown_leader_stays_for_ever_after_its_term():
    """Who copies a callback keeps no claim for ever: it looks at its term or closes, or the config says how it ends."""
    seen = 0
    for page, text in programs():
        tree = ast.parse(text)
        bodies = {node.name: ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            callbacks = [given[name] for name in ("on_elected", "leader_callback") if name in given]
            if not callbacks or given.keys() & {"relinquish_interval", "relinquish_interval_spec"}:
                continue
            for callback in callbacks:
                seen += 1
                assert re.search(r"is_valid|close\(\)", bodies.get(callback, "")), f"{page}: {callback}"
    assert seen > 0


@pytest.mark.parametrize("page", RUN_BY_CI)
def test_set_up_commands_are_run_by_ci(page):
    """`.ci/run` runs the set-up commands of the page as they stand there."""
    assert [language for language, _, _ in fences(ROOT / page)].count("sh") > 0
    assert f'"$(commands {page})"' in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_links_lead_somewhere(page):
    """Every relative link and image of a page leads to a file, and to a heading of it if it names one."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page):
    """Return the anchors of the headings of *page*, as Markdown renderers make them."""
    tokens = MarkdownIt().parse(page.read_text())
    titles = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
