"""The examples for frameworks are run as they stand: two copies each, of which one works, and the other succeeds it."""

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path
from shutil import which

import pytest
import yaml

from incumbent import Address, LeaderElectionConfig, read_leader

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
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def copies(tmp_path):
    copies = Copies(tmp_path)
    (tmp_path / "make-reports").write_text(MAKE_REPORTS)
    (tmp_path / "make-reports").chmod(0o755)
    yield copies
    copies.close()


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
    command[at : at + 4] = ["--uds", str(copies.directory / f"{number}.sock")]
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


@pytest.mark.parametrize("example", EXAMPLE_COMMANDS)
def test_one_copy_works_and_another_goes_on(copies, example):
    """Of two copies one works; after a loss, and after SIGTERM, one goes on with a later token; the end is clean."""
    command, code = EXAMPLE_COMMANDS[example]
    both = {process.pid: process for process in [copies.start(*command(copies, number)) for number in range(2)]}
    for process in both.values():
        copies.takes_part(process)
    seen = len(copies.reports())
    eventually(lambda: len(copies.reports()) > seen)
    (first,) = set(copies.reports())  # one process, one token

    (copies.directory / "elections/service%2Freports.lock").unlink()  # an accident: leadership is lost at once
    leader, token = copies.newer(first[1])

    assert copies.end(both.pop(leader)) == code
    successor, last = copies.newer(token)
    assert [successor] == list(both)
    assert copies.end(both.pop(successor)) == code
    assert read_leader(copies.url, "service/reports").candidate is None

    tokens = [token for _, token in copies.reports()]
    of_first = tokens[tokens.index(token) :].count(first[1])
    assert of_first <= 1  # the piece of work that was under way when leadership was lost
    assert tokens.index(last) == len(tokens) - tokens.count(last)  # nothing of a term comes after a hand-over
    assert "Traceback" not in (copies.directory / "errors").read_text()


def test_page_shows_what_is_run():
    """The page includes each file of the examples, and its commands are those of the manifests."""
    page = (EXAMPLES.parents[1] / "frameworks.md").read_text()
    shown = re.findall(r"{literalinclude} examples/frameworks/(\S+)", page)
    files = (path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert sorted(shown) == sorted(str(path.relative_to(EXAMPLES)) for path in files)
    assert f"`{shlex.join(container('beat')[1]['command'])}`" in page
    assert f"`{shlex.join(container('reports')[1]['command'][:2])}`" in page


# ------------------------------------------------------------ FastAPI


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(copies, number, verb, path):
    """Return status and answer of the copy *number*."""
    with contextlib.closing(UnixConnection(copies.directory / f"{number}.sock")) as connection:
        connection.request(verb, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def answers(copies, number):
    """Wait until the copy *number* answers at all."""
    sock = copies.directory / f"{number}.sock"
    eventually(sock.exists)

    def connects():
        with contextlib.suppress(ConnectionRefusedError):
            return ask(copies, number, "GET", "/ready")

    return eventually(connects)


def test_fastapi_is_ready_without_leading(copies):
    """Both copies are ready and live; what only the leader may do is refused by the other one."""
    processes = [copies.start(*uvicorn(copies, number)) for number in range(2)]
    for number, process in enumerate(processes):
        copies.takes_part(process)
        assert answers(copies, number)[0] == 200
    leader, token = copies.newer(0)
    here = [process.pid for process in processes].index(leader)
    paths = [only["httpGet"]["path"] for only in map(container("reports")[1].get, ("readinessProbe", "livenessProbe"))]
    assert paths == ["/ready", "/live"]
    assert ask(copies, here, "GET", "/ready") == (200, {"leader": True})
    assert ask(copies, 1 - here, "GET", "/ready") == (200, {"leader": False})
    assert [ask(copies, number, "GET", "/live")[0] for number in range(2)] == [200, 200]
    assert ask(copies, here, "POST", "/reports") == (200, {"token": token})
    assert ask(copies, 1 - here, "POST", "/reports") == (503, {"detail": "this copy does not lead"})
    assert {copies.end(process) for process in processes} == {-signal.SIGTERM}


def test_fastapi_whose_work_fails_is_not_live(copies):
    """When the work fails, the copy gives up its claim and its liveness; it can still answer."""
    failing = "import fastapi_app\nasync def fail(term):\n    1 / 0\n"
    (copies.directory / "failing.py").write_text(f"{failing}fastapi_app.make_report = fail\napp = fastapi_app.app\n")
    copies.start(*uvicorn(copies, 0, "failing:app"))
    answers(copies, 0)
    eventually(lambda: ask(copies, 0, "GET", "/live") == (503, {"candidate": False}))
    assert ask(copies, 0, "GET", "/ready") == (200, {"leader": False})
    assert read_leader(copies.url, "service/reports").candidate is None


def test_fastapi_worker_processes_are_candidates(copies):
    """Of the workers of one server, each a candidate, one works; when it is killed, another does."""
    server = copies.start(*uvicorn(copies, 0), "--workers", "2")
    leader, token = copies.newer(0)
    assert leader != server.pid
    os.kill(leader, signal.SIGKILL)
    successor, _ = copies.newer(token)
    assert successor not in {leader, server.pid}
    assert copies.end(server) in {0, -signal.SIGTERM}
    assert read_leader(copies.url, "service/reports").candidate is None


# ------------------------------------------------------------ Django


def test_django_refuses_what_a_later_leader_has_overtaken(copies):
    """A write with an older token than the row's changes nothing."""
    command = django(copies, 0)
    script = """
import django
django.setup()
from django.utils import timezone
from reports.models import Report
Report.objects.create(day=timezone.now().date(), body="by a later leader", fence=1000)
"""
    later = [sys.executable, "-c", script]
    subprocess.run(later, env=copies.environment, check=True, timeout=PATIENCE)
    process = copies.start(*command)
    eventually(lambda: "refused: a later leader has written" in copies.journal.read_text())
    assert copies.end(process) == 0
    assert copies.reports() == []


# ------------------------------------------------------------ Celery


def test_one_beat_schedules_and_its_token_reaches_the_worker(copies):
    """Of two beats under `incumbent run` one runs; after its end the other does, and workers see the later token."""
    mail = copies.directory / "mail"
    (mail / "control").mkdir(parents=True)
    options = {"data_folder_in": str(mail), "data_folder_out": str(mail), "control_folder": str(mail / "control")}
    options["polling_interval"] = 0.1
    broker = f"\napp.conf.update(broker_url='filesystem://', broker_transport_options={options})\n"
    (copies.directory / "celery_app.py").write_text((EXAMPLES / "celery_app.py").read_text() + broker)
    _, only = container("beat")
    wrappers = [copies.start(*only["command"]) for _ in range(2)]
    worker = copies.start("celery", "-A", "celery_app", "worker", "--pool", "solo", "--without-mingle", "-l", "info")

    def fences():
        text = (copies.directory / "errors").read_text()
        return [int(token) for token in re.findall(r"a report is made, fenced by token (\d+)", text)]

    def beats():
        found = {}
        for wrapper in wrappers:
            for guard in children(wrapper.pid):
                found.update(dict.fromkeys(children(guard), wrapper))
        return found

    eventually(lambda: 1 in fences())
    for wrapper in wrappers:
        copies.takes_part(wrapper)
    ((_, leader),) = beats().items()  # one beat under two wrappers
    wrappers.remove(leader)
    code = copies.end(leader)
    assert code in {0, 128 + signal.SIGTERM}
    eventually(lambda: 2 in fences())
    assert set(fences()) == {1, 2}
    assert fences() == sorted(fences())
    assert copies.end(wrappers[0]) == code
    assert copies.end(worker) == 0


def children(pid):
    """Return the children of the process *pid*."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# ------------------------------------------------------------ supervisors


def test_unit_leaves_time_for_the_hand_over():
    """The unit stops the wrapper alone, and waits for longer than the command and the hand-over may take."""
    service = unit()["Service"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 10 + longest_close()
    assert int(service["RestartSec"]) * 5 > 10  # never as fast as systemd's limit of 5 starts in 10 s


def test_systemd_accepts_the_unit(copies):
    """`systemd-analyze verify` has nothing to say about it; where that is missing, it has the sections of a unit."""
    assert unit().sections() == ["Unit", "Service", "Install"]
    if which("systemd-analyze") is None:
        return
    text = (EXAMPLES / "reports.service").read_text()
    (copies.directory / "reports.service").write_text(text.replace("/usr/bin/incumbent", str(BIN / "incumbent")))
    verify = ["systemd-analyze", "verify", "--man=no", str(copies.directory / "reports.service")]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def longest_close():
    """Return how long leaving an election may take with the settings of the examples."""
    config = LeaderElectionConfig(lock_id="service/reports")
    return config.close_timeout + 3 * config.request_timeout


@pytest.mark.parametrize("name", ["reports", "beat"])
def test_manifest_gives_the_url_and_time_for_the_hand_over(name):
    """Each Deployment has several pods, takes the URL from the Secret, and gives its pods time to hand over."""
    (secret,) = (each for each in MANIFESTS if each["kind"] == "Secret")
    pod, only = container(name)
    (variable,) = only["env"]
    assert variable["name"] == "INCUMBENT_ELECTOR"
    reference = variable["valueFrom"]["secretKeyRef"]
    assert reference["name"] == secret["metadata"]["name"]
    url = secret["stringData"][reference["key"]]
    assert Address.parse(url).scheme == "etcd"
    assert pod["terminationGracePeriodSeconds"] > 10 + longest_close()
    (deployment,) = (each for each in MANIFESTS if each["metadata"]["name"] == name)
    assert deployment["spec"]["replicas"] > 1
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
