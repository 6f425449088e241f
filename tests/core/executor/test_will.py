"""The executor: it acts when the kernel has shown that everything is dead, and is not in the way before that (P11)."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import processes
import pytest
from patience import eventually, in_time

from incumbent.executor.will import PROGRAM

#: Stands in for what executes, in a package that only the executor finds: writes down what, and who lives then.
EXECUTING = """
from pathlib import Path
from processes import running

def execute_all(wills):
    folder = Path(__file__).parents[2]
    living = sorted(file.name for file in folder.glob("pid-*") if running(file.name[4:]))
    (folder / "written").write_text("\\n".join([*(will.decode() for will in wills), *living]))
    (folder / "written").rename(folder / "executed")
"""

#: An application with the wills of two elections, which does what it is told.
APPLICATION = """
import os, sys, time
from pathlib import Path
from incumbent import Address, BackendSettings
from incumbent.executor.will import Will

folder = sys.argv[1]
sys.path.insert(0, folder)
url = Address.parse("store://user:secret@host/path?option=value")
wills = {name: Will(url, BackendSettings(15.0, 2.0), name) for name in ("one", "two")}
Path(folder, f"pid-{os.getpid()}").touch()
for line in sys.stdin:
    verb, *words = line.split()
    if verb == "leave":
        wills[words[0]].leave(words[1])
    elif verb == "many":
        for number in range(20_000):
            wills["one"].leave(f"{number}")
    elif verb == "close":
        os.closerange(3, 65536)
    elif verb == "unsent":
        executor = wills["one"]._executor
        words = [len(executor._unsent) + len(executor._rest)]
    elif verb == "end":
        words = [will.end(30.0) for will in wills.values()]
    elif verb == "fork" and os.fork() == 0:
        if words:
            wills = {"child": Will(url, BackendSettings(15.0, 2.0), "child")}
            wills["child"].leave("of-the-child")
        Path(folder, f"pid-{os.getpid()}").touch()
        time.sleep(600)
    elif verb == "spawn":
        import subprocess
        keeps = subprocess.Popen(["sleep", "600"], pass_fds=wills["one"].descriptors)
        Path(folder, f"pid-{keeps.pid}").touch()
    print(line.strip(), *words, flush=True)
time.sleep(600)
"""


class Application:
    def __init__(self, folder):
        self.folder = folder
        package = folder / "incumbent/executor"
        package.mkdir(parents=True)
        for file in (package / "__init__.py", package.parent / "__init__.py"):
            file.touch()
        (package / "executing.py").write_text(EXECUTING)
        shutil.copy(processes.__file__, folder)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
        self.process = subprocess.Popen([sys.executable, "-c", APPLICATION, folder], **pipes)
        self.tell("leave one first")

    def tell(self, order):
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer[: len(order.split())] == order.split()
        return answer[len(order.split()) :]

    def child(self):
        """Return a process that the application has made."""
        others = eventually(lambda: {file.name[4:] for file in self.folder.glob("pid-*")} - {str(self.process.pid)})
        (pid,) = map(int, others)
        return pid

    def executor(self):
        """Return the executor's number, or None if there is none that has begun."""
        begun = [pid for pid in executors(self.folder) if self.has_begun(pid)]
        return next(iter(begun), None)

    def has_begun(self, pid):
        """Tell whether an executor is nobody's child any more: then it also ignores the signals that it should."""
        process = processes.running(pid)
        return process is not None and process.parent != self.process.pid

    def executed(self):
        """Return what was executed, and who lived then, if anything was."""
        file = self.folder / "executed"
        return file.read_text().splitlines() if file.exists() else None

    def close(self):
        for pid in [self.process.pid, *(int(file.name[4:]) for file in self.folder.glob("pid-*"))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


def executors(folder):
    """Return the executors that this test's application has started: they have its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_one = str(PROGRAM).encode() in (process / "cmdline").read_bytes().split(b"\0")
            if is_one and f"THE_TEST={folder}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.fixture
def application(tmp_path, monkeypatch):
    monkeypatch.setenv("THE_TEST", str(tmp_path))
    application = Application(tmp_path)
    yield application
    application.close()
    assert in_time(lambda: not executors(tmp_path))


def words(lock_id, testament):
    return (
        '["store", [["host", null]], "/path", {"option": "value"}, "user", "secret", 15.0, 2.0, '
        f'"{lock_id}", "{testament}"]'
    )


def test_killed_process_is_executed(application):
    """P11: The last testament of each election is executed, with the process and all of its threads dead."""
    application.tell("leave one second")
    application.tell("leave two other")
    application.process.kill()
    assert sorted(eventually(application.executed)) == [words("one", "second"), words("two", "other")]


def test_forked_child_keeps_the_claim(application):
    """P11: Nothing is executed while a child lives that the process has forked, though it does not lead (P9)."""
    application.tell("fork")
    child = application.child()
    application.process.kill()
    application.process.wait()
    os.kill(child, signal.SIGKILL)
    assert eventually(application.executed) == [words("one", "first")]


def test_program_with_the_descriptors_keeps_the_claim(application):
    """P11: Nor while a program runs that was handed `Term.descriptors`."""
    application.tell("spawn")
    child = application.child()
    application.process.kill()
    application.process.wait()
    os.kill(child, signal.SIGKILL)
    assert eventually(application.executed) == [words("one", "first")]


def test_process_that_closes_all_files_keeps_the_claim(application):
    """P11: The end of the socket alone does not say that the process is dead; the kernel does."""
    executor = eventually(application.executor)
    application.tell("close")
    eventually(lambda: not Path(f"/proc/{executor}/fd/0").exists())  # it has read the end
    application.process.kill()
    assert eventually(application.executed) == [words("one", "first")]


def test_frozen_process_keeps_the_claim(application):
    """P11: A frozen process is not a dead one."""
    os.kill(application.process.pid, signal.SIGSTOP)
    eventually(lambda: application.executor() is not None)
    application.process.kill()
    assert eventually(application.executed) == [words("one", "first")]


def test_what_ends_the_group_leaves_the_executor(application):
    """What is sent to the process's group, or to all of a service, is not the executor's end."""
    executor = eventually(application.executor)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(executor, number)
    os.killpg(application.process.pid, signal.SIGKILL)
    assert eventually(application.executed) == [words("one", "first")]


def test_orderly_end_leaves_nothing(application):
    """P8: With the last election the executor ends, and has executed nothing."""
    eventually(application.executor)
    assert application.tell("end") == ["True", "True"]
    assert application.executor() is None
    assert application.executed() is None


def test_forked_child_has_an_executor_of_its_own(application):
    """P9: What a child leaves is executed when the child dies; that of its parent is not its business."""
    application.tell("fork own")
    child = application.child()
    os.kill(child, signal.SIGKILL)
    parent = f"pid-{application.process.pid}"  # lives, and leads
    assert eventually(application.executed) == [words("child", "of-the-child"), parent]


def test_frozen_executor_holds_nobody_up(application):
    """P6: Whoever leaves something never waits; the last word is sent with a renewal, when the executor goes on."""
    executor = eventually(application.executor)
    os.kill(executor, signal.SIGSTOP)
    application.tell("many")
    os.kill(executor, signal.SIGCONT)
    eventually(lambda: application.tell("leave one 19999") is not None and application.tell("unsent") == ["0"])
    application.process.kill()
    assert sorted(eventually(application.executed)) == [words("one", "19999")]


def test_executor_is_small_and_shows_nothing(application):
    """One for all elections, of the size of an idle Python, without the URL in its arguments."""
    executor = eventually(application.executor)
    assert executors(application.folder) == [executor]
    status = Path(f"/proc/{executor}/status").read_text()
    assert int(status.split("VmRSS:")[1].split()[0]) < 14_000
    assert b"secret" not in Path(f"/proc/{executor}/cmdline").read_bytes()
