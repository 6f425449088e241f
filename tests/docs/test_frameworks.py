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
from shutil import which

import pytest
import redis_stage
import server_binaries
from copies import (
    BIN,
    EXAMPLE_COMMANDS,
    EXAMPLES,
    MAKE_REPORTS,
    MANIFESTS,
    PATIENCE,
    Copies,
    container,
    django,
    eventually,
    unit,
    uvicorn,
)
from processes import children, running

from incumbent import Address, LeaderElectionConfig, read_leader

# Before anything is collected: the server's class looks there.
os.environ.setdefault("INCUMBENT_REDIS_BIN", str(server_binaries.find("redis")))


@pytest.fixture
def copies(tmp_path):
    (tmp_path / "make-reports").write_text(MAKE_REPORTS)
    (tmp_path / "make-reports").chmod(0o755)
    copies = Copies(tmp_path)
    yield copies
    copies.close()


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
    with contextlib.closing(UnixConnection(copies.sockets / f"{number}.sock")) as connection:
        connection.request(verb, path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def answers(copies, number):
    """Wait until the copy *number* answers at all."""
    sock = copies.sockets / f"{number}.sock"
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


@pytest.fixture
def broker(tmp_path):
    """Redis, which hands out whole messages: kombu's own broker of files hands out what is not written yet."""
    with redis_stage.running(redis_stage.Server(tmp_path / "broker")) as server:
        yield server


def test_one_beat_schedules_and_its_token_reaches_the_worker(copies, broker):
    """Of two beats under `incumbent run` one runs; after its end the other does, and workers see the later token."""
    copies.environment["BROKER_URL"] = f"redis://127.0.0.1:{broker.port}"
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
                found.update(dict.fromkeys(filter(is_started, children(guard)), wrapper))
        return found

    def is_started(command):
        process = running(command)
        return process is not None and process.name != "incumbent-start"

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
    """Each Deployment has several pods, takes the URL from the ConfigMap, and gives its pods time to hand over."""
    (settings,) = (each for each in MANIFESTS if each["kind"] == "ConfigMap")
    pod, only = container(name)
    (variable,) = only["env"]
    assert variable["name"] == "INCUMBENT_ELECTOR"
    reference = variable["valueFrom"]["configMapKeyRef"]
    assert reference["name"] == settings["metadata"]["name"]
    assert Address.parse(settings["data"][reference["key"]]).scheme == "etcd"
    assert pod["terminationGracePeriodSeconds"] > 10 + longest_close()
    (deployment,) = (each for each in MANIFESTS if each["metadata"]["name"] == name)
    assert deployment["spec"]["replicas"] > 1
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
