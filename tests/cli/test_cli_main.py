"""The command line as a whole: dispatch, bad arguments, endings, start-up."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from incumbent.cli import COMMANDS, main, module_of
from incumbent.errors import BackendUnavailableError, ConfigurationError

SCRIPT = Path(sysconfig.get_path("scripts")) / "incumbent"

STRANGE = ["", "x" * 10_000, "a\x00b", "a\x1b[31mb", "a\nb", "é漢", "\u202egpj", "a\udc80b"]


def refused(capsys, code=2):
    """Check that exactly one clean line was printed, on stderr, and return it."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("incumbent: ")
    assert captured.err.endswith("\n")
    line = captured.err[:-1]
    assert line.isprintable()
    assert len(line) <= 2100
    return line


def run_script(*arguments, **settings):
    """Run the installed console script to its end."""
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False, **settings)


# ------------------------------------------------------------ dispatch


def test_the_script_prints_the_version():
    """`incumbent --version` is what the installed package says."""
    from importlib.metadata import version

    done = run_script("--version")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"incumbent {version('incumbent')}\n", "")


def test_help_lists_every_command(capsys):
    """Nobody has to guess what there is."""
    assert main(["--help"]) == 0

    out = capsys.readouterr().out
    assert all(f"    {command}" in out for command in COMMANDS)


def test_the_module_is_the_script():
    """`python -m incumbent` does the same, where the script is not on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "incumbent", "statsu"], capture_output=True, text=True, timeout=60, check=False
    )

    line = "incumbent: unknown command 'statsu'; did you mean status? (see 'incumbent --help')\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


def test_the_process_ends_without_a_search_for_garbage():
    """What all libraries have made is not looked through before the end: a successor has more need of the machine."""
    look = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 1000))"
    program = f"{look}; from incumbent.cli import script; script()"
    done = subprocess.run(
        [sys.executable, "-c", program, "electors"], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize("arguments", [[], ["status"]])
def test_help_is_a_word_as_well(capsys, arguments):
    """`incumbent help` and `incumbent help status` print what `--help` does."""
    assert main([*arguments, "--help"]) == 0
    told = capsys.readouterr().out
    assert main(["help", *arguments]) == 0

    assert capsys.readouterr() == (told, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys, command):
    """Each command explains itself, and its options each have a line."""
    assert main([command, "--help"]) == 0

    out = capsys.readouterr().out
    assert f"usage: incumbent {command}" in out
    assert "[--name NAME]" not in out.replace("\n", " ") or command in ("doctor", "timeline", "status")


def test_every_command_in_the_table_is_a_module_with_the_two_functions():
    """Dispatch relies on `add_parser` and `run`."""
    for command in COMMANDS:
        module = module_of(command)
        assert callable(module.add_parser)
        assert callable(module.run)


# ------------------------------------------------------------ bad arguments


def test_no_command_shows_what_there_is(capsys):
    """Who types just `incumbent` sees the help; a script that does has made a mistake, and gets nothing on stdout."""
    assert main([]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(f"    {command}" in captured.err for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["statsu"], "unknown command 'statsu'; did you mean status? (see 'incumbent --help')"),
        (["--versoin"], "unknown option '--versoin'; did you mean --version? (see 'incumbent --help')"),
        (["--", "status"], "unknown option '--' (see 'incumbent --help')"),
        (
            ["status", "--name", "n", "--jsn"],
            "unknown option '--jsn'; did you mean --json? (see 'incumbent status --help')",
        ),
        (
            ["status", "--nmae", "n"],
            "unknown option '--nmae'; did you mean --name? (see 'incumbent status --help')",
        ),
        (
            ["status", "--nam=n", "--elector", "memory://"],
            "unknown option '--nam'; did you mean --name? (see 'incumbent status --help')",
        ),
        (
            ["run", "--nmae", "n", "--", "true", "--x"],
            "unknown option '--nmae'; did you mean --name? (see 'incumbent run --help')",
        ),
        (["run", "--", "true"], "the following arguments are required: --name (see 'incumbent run --help')"),
        (["run"], "the following arguments are required: --name, CMD (see 'incumbent run --help')"),
        (["help", "statsu"], "unknown command 'statsu'; did you mean status? (see 'incumbent --help')"),
        (
            ["status", "--name", "n", "--elect=x"],
            "unknown option '--elect'; did you mean --elector? (see 'incumbent status --help')",
        ),
        (["status"], "an election is required: --name NAME, or --all (see 'incumbent status --help')"),
        (["status", "--name"], "--name: expected one argument (see 'incumbent status --help')"),
        (
            ["status", "--name", "a", "--name", "b"],
            "--name is given twice; give it once (see 'incumbent status --help')",
        ),
        (["status", "--name=a", "--name=a"], "--name is given twice; give it once (see 'incumbent status --help')"),
        (["status", "--name", "n", "more"], "unexpected argument 'more' (see 'incumbent status --help')"),
        (["explain"], "the following arguments are required: SPEC (see 'incumbent explain --help')"),
        (["demo", "now"], "unexpected argument 'now' (see 'incumbent demo --help')"),
        (["electors", "--json=1"], "--json: ignored explicit argument '1' (see 'incumbent electors --help')"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(capsys, arguments, line):
    """Code 2, and a line that names what is wrong and where to look."""
    assert main(arguments) == 2

    assert refused(capsys) == f"incumbent: {line}"


@pytest.mark.parametrize("word", STRANGE)
def test_a_strange_command_is_refused_and_shown_safely(capsys, word):
    """Whatever is typed, the terminal is not hurt by its echo."""
    assert main([word]) == 2

    assert "unknown command '" in refused(capsys)


@pytest.mark.parametrize("word", STRANGE)
def test_a_strange_option_is_refused_and_shown_safely(capsys, word):
    """The same for options."""
    assert main(["electors", f"--{word}x"]) == 2

    assert "unknown option '--" in refused(capsys)


@pytest.mark.parametrize("word", STRANGE)
def test_a_strange_argument_is_refused_and_shown_safely(capsys, word):
    """The same for arguments where none is expected."""
    assert main(["electors", word]) == 2

    assert "unexpected argument '" in refused(capsys)


def test_undecodable_arguments_are_refused_by_the_script():
    """Bytes that are no UTF-8 arrive as surrogates, and leave as escapes."""
    done = subprocess.run([os.fsencode(SCRIPT), b"\xff\xfe"], capture_output=True, timeout=60, check=False)

    assert done.returncode == 2
    assert done.stderr == b"incumbent: unknown command '\\udcff\\udcfe' (see 'incumbent --help')\n"


# ------------------------------------------------------------ endings


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigurationError("ttl 0.0: must be positive"), 2, "incumbent: ttl 0.0: must be positive"),
        (BackendUnavailableError("no answer\nafter 2 s"), 1, "incumbent: no answer\\nafter 2 s"),
        (OSError(errno.ENOSPC, "No space left"), 1, "incumbent: [Errno 28] No space left"),
        (
            RuntimeError("boom"),
            1,
            "incumbent: this is a bug: RuntimeError: boom (PYTHONDEVMODE=1 shows where)",
        ),
    ],
)
def test_an_error_is_one_line_and_a_code(monkeypatch, capsys, error, code, line):
    """Whatever a command raises, no traceback is shown."""
    monkeypatch.setattr("incumbent.cli.explain.run", raiser(error))

    assert main(["explain", "@daily"]) == code
    assert refused(capsys) == line


def test_ctrl_c_ends_with_130_and_no_word(monkeypatch, capsys):
    """Who presses Ctrl-C knows why it ended."""
    monkeypatch.setattr("incumbent.cli.explain.run", raiser(KeyboardInterrupt()))

    assert main(["explain", "@daily"]) == 130
    assert capsys.readouterr() == ("", "")


def raiser(error):
    def run(_args):
        raise error

    return run


@pytest.mark.parametrize("arguments", [["--help"], ["explain", "@daily", "--count", "1000"], ["electors", "--json"]])
def test_a_reader_that_has_gone_ends_it_quietly(arguments):
    """`incumbent … | head` ends as if by SIGPIPE: 141, no word."""
    # argparse itself swallows a failure to write; buffered, its help fails at our flush like all else.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [SCRIPT, *arguments], stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=60, check=False
        )
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_is_said_and_fails():
    """Output that could not be written must not look like success."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [SCRIPT, "explain", "@daily"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "incumbent: [Errno 28] No space left on device\n"


def test_a_closed_stdout_is_survived():
    """As under some supervisors: nothing is printed, nothing is wrong."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" explain @daily >&-', SCRIPT], stderr=subprocess.PIPE, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_an_ascii_terminal_is_survived():
    """A name beyond ASCII is escaped where it cannot be shown."""
    done = run_script("status", "--name", "bücher//x", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert done.returncode == 2
    assert done.stderr.isascii()


# ------------------------------------------------------------ start-up


def imported_by(*arguments):
    """Return the modules that a process has imported after running the command line with *arguments*."""
    code = (  # what is there before, the interpreter or a coverage measurement has imported
        "import sys, json; before = set(sys.modules); from incumbent.cli import main; main(sys.argv[1:]); "
        "print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stderr))


def test_help_imports_no_engine_and_no_third_party():
    """Start-up stays light: printing help needs argparse and nothing heavy."""
    heavy = {"asyncio", "croniter", "pluggy", "platformdirs", "pytest", "ssl", "socket", "concurrent.futures"}
    engine = {f"incumbent.{name}" for name in ("runner", "election", "machine", "registry", "schedule", "testing")}

    assert imported_by("--help") & (heavy | engine) == set()


def test_a_command_imports_no_other_command():
    """Each command pays for itself only."""
    imported = imported_by("explain", "@daily")

    assert "incumbent.cli.explain" in imported
    assert not imported & {f"incumbent.cli.{name}" for name in COMMANDS if name != "explain"}
    assert "pytest" not in imported
