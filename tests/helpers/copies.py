"""Copies of the examples for frameworks, as processes, and what they and their supervisors' files say."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

import yaml
from places import short_folder
from programs import end

EXAMPLES = Path(__file__).parents[2] / "docs/examples/frameworks"
SITE = EXAMPLES / "django_site"
MANIFESTS = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()))
BIN = Path(sys.executable).parent
#: Seconds that anything may take on a slow, busy machine.
PATIENCE = 60
#: What every example prints: who works, and in which term.
REPORT = re.compile(r"(\S+) makes a report, fenced by token (\d+)$", re.MULTILINE)
#: The command of the unit and of the manifests, in a shell.
MAKE_REPORTS = """#!/bin/sh
while :; do
    echo "$INCUMBENT_CANDIDATE makes a report, fenced by token $INCUMBENT_TOKEN"
    sleep 0.5
done
"""


def eventually(holds):
    """Return the first true answer of *holds*."""
    end = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < end, f"not within {PATIENCE} s"
        time.sleep(0.01)
    return answer


def unit():
    """Return the settings of the systemd unit."""
    parser = ConfigParser(interpolation=None, delimiters=["="])
    parser.optionxform = str
    parser.read(EXAMPLES / "reports.service")
    return parser


def unit_variables():
    """Return the variables that the systemd unit sets."""
    return dict(word.split("=", 1) for word in shlex.split(unit()["Service"]["Environment"]))


def pod_variables(name):
    """Return the variables of the container of the Deployment *name*, with what the ConfigMap says."""
    (data,) = (each["data"] for each in MANIFESTS if each["kind"] == "ConfigMap")
    _, only = container(name)
    return {each["name"]: data[each["valueFrom"]["configMapKeyRef"]["key"]] for each in only["env"]}


def container(name):
    """Return the pod and its only container of the Deployment *name*."""
    (found,) = (each for each in MANIFESTS if each["kind"] == "Deployment" and each["metadata"]["name"] == name)
    pod = found["spec"]["template"]["spec"]
    (only,) = pod["containers"]
    return pod, only


class Copies:
    """Copies of a program in one directory, and the journal that all of them write to, in order."""

    def __init__(self, directory):
        self.directory = directory
        self._made = contextlib.ExitStack()
        self.sockets = self._made.enter_context(short_folder())
        self.journal = directory / "journal"
        self.url = f"local://{directory}/elections"
        # Measuring what imports of this size cover doubles their time, and they cover nothing that no other test does.
        settings = ("INCUMBENT_", "COVERAGE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(settings)} | {
            "INCUMBENT_ELECTOR": self.url,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(directory), str(EXAMPLES), str(SITE)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "settings",
            "REPORTS_DATABASE": str(directory / "reports.sqlite3"),
            "TZ": "UTC",
        }
        self.processes = []

    def start(self, *command):
        """Start a copy."""
        with self.journal.open("a") as out, (self.directory / "errors").open("a") as errors:
            self.processes.append(
                subprocess.Popen(
                    [*map(str, command)],
                    cwd=self.directory,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    start_new_session=True,
                )
            )
        return self.processes[-1]

    def reports(self):
        """Return who wrote which report: process id and token, in order."""
        found = REPORT.findall(self.journal.read_text())
        return [(int(candidate.split(":")[1]), int(token)) for candidate, token in found]

    def newer(self, token):
        """Wait for a report of a later term, and return its process id and token."""
        return eventually(lambda: [each for each in self.reports() if each[1] > token])[0]

    def takes_part(self, process):
        """Wait until *process* is a candidate: leaders and those that wait have the FIFO of the election open."""

        def has_fifo():
            assert process.poll() is None, (self.directory / "errors").read_text()
            for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                with contextlib.suppress(OSError):  # it is closed by now
                    if entry.readlink().suffix == ".wake":
                        return True
            return False

        eventually(has_fifo)

    def end(self, process):
        """Terminate *process* as a supervisor does, and return its exit code."""
        process.terminate()
        return process.wait(PATIENCE)

    def close(self):
        """Kill what a failed test has left."""
        for process in self.processes:
            end(process)
        self._made.close()


def python(name):
    return lambda _, __: [sys.executable, EXAMPLES / name]


def django(copies, _):
    django = [sys.executable, "-m", "django"]
    migrate = [*django, "migrate", "--run-syncdb", "-v", "0"]
    subprocess.run(migrate, env=copies.environment, check=True, timeout=PATIENCE)
    return [*django, "make_reports"]


def uvicorn(copies, number, app="fastapi_app:app"):
    """Return the command of the manifest, on a socket in the directory."""
    _, only = container("reports")
    command = [app if word == "fastapi_app:app" else word for word in only["command"]]
    at = command.index("--host")
    command[at : at + 4] = ["--uds", str(copies.sockets / f"{number}.sock")]
    return command


def systemd(copies, _):
    """Return the command of the unit, with the commands that are here."""
    words = shlex.split(unit()["Service"]["ExecStart"])
    places = {"/usr/bin/incumbent": BIN / "incumbent", "/usr/bin/make-reports": copies.directory / "make-reports"}
    return [places.get(word, word) for word in words]


#: Each example's command, and the exit code after SIGTERM.
EXAMPLE_COMMANDS = {
    "thread": (python("threaded.py"), 0),
    "asyncio": (python("with_asyncio.py"), 0),
    "fastapi": (uvicorn, -signal.SIGTERM),  # uvicorn ends by the signal, after all has been closed
    "django": (django, 0),
    "apscheduler": (python("apscheduler_jobs.py"), 0),
    "apscheduler, paused": (python("apscheduler_pausing.py"), 0),
    "systemd": (systemd, int(unit()["Service"]["SuccessExitStatus"])),
}
