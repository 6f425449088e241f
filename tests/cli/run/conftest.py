"""A bench for `incumbent run`: real wrappers, guards and commands, and the evidence that they leave."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from processes import children

HERE = Path(__file__).parent
INCUMBENT = [sys.executable, "-c", "import sys; from incumbent.cli import main; sys.exit(main())"]

#: What the worker wrote: the word, the boot time, the token and its process id.
Line = namedtuple("Line", "word at token pid")  # noqa: PYI024


class Bench:
    incumbent = INCUMBENT

    def __init__(self, directory, plugins):
        self.directory = directory
        self.local = f"local://{directory}/state"
        self.ttlfile = f"ttlfile://{directory}"
        path = os.pathsep.join(filter(None, [str(plugins), os.environ.get("PYTHONPATH")]))
        self.environment = {**os.environ, "PYTHONPATH": path}
        self._wrappers = []

    def start(self, *options, command, elector=None, program=INCUMBENT, **popen):
        """Start a wrapper that runs *command*."""
        options = ["--elector", elector or self.local, "--name", "job", *options]
        popen = {"env": self.environment, "stdin": subprocess.DEVNULL, "text": True, **popen}
        wrapper = subprocess.Popen([*program, "run", *options, "--", *command], **popen)
        self._wrappers.append(wrapper)
        return wrapper

    def run(self, *options, command, stdin="", **others):
        """Run a wrapper to its end, and return its exit code, stdout and stderr."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        wrapper = self.start(*options, command=command, **{**pipes, **others})
        out, err = wrapper.communicate(stdin, timeout=60)
        return wrapper.returncode, out, err

    def worker(self, *options):
        """Return the command that works in this bench's directory."""
        return [sys.executable, "-S", "-E", str(HERE / "worker.py"), str(self.directory), *options]

    def log(self, word=None):
        """Return what the workers wrote."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.directory / "log").read_text().split("\n")[:-1]
            rows = [Line(w, float(at), int(token), int(pid)) for w, at, token, pid in map(str.split, lines)]
            return [row for row in rows if word in {None, row.word}]
        return []

    @staticmethod
    def eventually(condition, timeout=60.0):
        """Return the first true answer of *condition*; fail after *timeout* seconds."""
        end = time.monotonic() + timeout
        while not (answer := condition()):
            assert time.monotonic() < end, f"not within {timeout} s"
            time.sleep(0.01)
        return answer

    def child_of(self, pid):
        """Return the first child of *pid*: of a wrapper its guard, unless something stands in front."""
        return self.eventually(lambda: children(pid))[0]

    def waits_for_signals(self, pid):
        """Wait until a wrapper has installed its handlers."""
        wanted = 1 << (signal.SIGUSR1 - 1)

        def catches():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16) & wanted

        self.eventually(catches)

    def begun(self, count=1):
        """Wait until *count* workers have begun, and return the lines that say so."""
        return self.eventually(lambda: len(self.log("begin")) >= count and self.log("begin"))

    def claim(self):
        """Return what the file of `ttlfile` says, but for the time."""
        state = json.loads((self.directory / "claim").read_text() or "{}")
        return {name: value for name, value in state.items() if name != "expires"}

    def is_quiet(self):
        """Tell whether every worker and its family is dead: only then the kernel gives their lock away."""
        with (self.directory / "alone").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def close(self):
        """Kill the wrappers that are left; their guards kill the rest."""
        for wrapper in self._wrappers:
            with wrapper:
                wrapper.kill()


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """A folder for PYTHONPATH where a package brings the elector `ttlfile`."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(HERE / "ttlfile.py", folder / "incumbent_ttlfile.py")
    information = folder / "incumbent_ttlfile-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: incumbent-ttlfile\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[incumbent.electors]\nttlfile = incumbent_ttlfile\n")
    return folder


@pytest.fixture
def bench(tmp_path, plugins):
    bench = Bench(tmp_path, plugins)
    yield bench
    bench.close()


@pytest.fixture
def stopped():
    """Stop processes with `stopped(pid)`; they are continued at the end."""
    pids = []

    def stop(pid):
        os.kill(pid, signal.SIGSTOP)
        pids.append(pid)

    yield stop
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
