"""Servers and networks that misbehave, and answers that make no sense: bounded, in one line, and never a lost claim."""

from __future__ import annotations

import sys
import threading
import time

import pytest
import redis_stage as stage

from incumbent import BackendRejectedError, BackendUnavailableError, boottime
from incumbent.testing import FaultProxy
from incumbent_redis._layout import ACQUIRE, LOOK

MARK = b"$1\r\nm\r\n$4\r\n2000\r\n"

#: What a server may answer to a script: the class of the error, and what its one line says.
ANSWERS = [
    (b"-READONLY You can't write against a read only replica.\r\n", BackendUnavailableError, "is a replica"),
    (b"-LOADING Redis is loading the dataset in memory\r\n", BackendUnavailableError, "is loading its data"),
    (b"-BUSY Redis is busy running a script.\r\n", BackendUnavailableError, "busy with a script"),
    (b"-NOREPLICAS Not enough good replicas to write.\r\n", BackendUnavailableError, "min-replicas-to-write"),
    (b"-MISCONF Errors writing to the AOF file\r\n", BackendUnavailableError, "cannot be saved"),
    (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", BackendUnavailableError, "out of memory"),
    (b"-ERR max number of clients reached\r\n", BackendUnavailableError, "too many clients"),
    (b"-CLUSTERDOWN The cluster is down\r\n", BackendUnavailableError, "cluster is down"),
    (b"-MASTERDOWN Link with MASTER is down\r\n", BackendUnavailableError, "Link with MASTER"),
    (b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", BackendUnavailableError, "rehashing"),
    (b"-WHATEVER\r\n", BackendUnavailableError, "WHATEVER"),
    (b"-ERR \x1b[31m\xff\r\n", BackendUnavailableError, "redis 127"),
    (b"-NOAUTH Authentication required.\r\n", BackendRejectedError, "asks for a password"),
    (b"-WRONGPASS invalid username-password pair\r\n", BackendRejectedError, "user or password is wrong"),
    (b"-NOPERM this user has no permissions to run the 'eval' command\r\n", BackendRejectedError, "no permission"),
    (b"-WRONGTYPE Operation against a key\r\n", BackendRejectedError, "holds something else"),
    (b"-MOVED 3999 127.0.0.1:6381\r\n", BackendRejectedError, "Redis Cluster"),
    (b"-CROSSSLOT Keys in request don't hash to the same slot\r\n", BackendRejectedError, "Redis Cluster"),
    (b"-ERR unknown command 'evalsha'\r\n", BackendRejectedError, "lacks a command"),
    (b"-ERR unknown command 'EVAL', with args: 'INCUMBENT-CONFLICT '\r\n", BackendRejectedError, "lacks.*'EVAL'$"),
    (b"+OK\r\n", BackendUnavailableError, "makes no sense"),
    (b"$-1\r\n", BackendUnavailableError, "makes no sense"),
    (b":1\r\n", BackendUnavailableError, "makes no sense"),
    (b"*0\r\n", BackendUnavailableError, "makes no sense"),
    (b"*-1\r\n", BackendUnavailableError, "makes no sense"),
    (b"*1\r\n" * 5000 + b":1\r\n", BackendUnavailableError, "makes no sense"),
    (b"?\r\n", BackendUnavailableError, "makes no sense"),
    (b"$x\r\n", BackendUnavailableError, "makes no sense"),
    (b"*4\r\n:1\r\n" + MARK + b"$2\r\n-7\r\n", BackendUnavailableError, "makes no sense"),
    (b"*4\r\n:1\r\n" + MARK + b"$1\r\nx\r\n", BackendUnavailableError, "makes no sense"),
    (b"*4\r\n:1\r\n" + MARK + b"*0\r\n", BackendUnavailableError, "makes no sense"),
    (b"*3\r\n:0\r\n" + MARK, BackendUnavailableError, "makes no sense"),
    (b"*2\r\n:1\r\n:2\r\n", BackendUnavailableError, "makes no sense"),
    (b"$100\r\nshort", BackendUnavailableError, "no answer within"),
]


@pytest.mark.parametrize(("answer", "error", "text"), ANSWERS, ids=lambda value: str(value)[:40])
def test_answer_is_one_line(answer, error, text, name, opened):
    """Rule 2: whatever a server answers, it is the contract's error, in one line, and says what it means."""
    settings = stage.BRIEF if error is BackendUnavailableError else None  # of an answer that never ends
    with stage.Puppet(answer) as puppet:
        elector = opened(stage.url(puppet), settings).elector(name, "a")
        with pytest.raises(error, match=text) as caught:
            elector.acquire_leadership()
        if answer[:1] == b"-":
            with pytest.raises(error, match=text):
                elector.observe_leadership()
        elector.close()
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("info", "error", "text"),
    [
        (b"role:slave\r\n", BackendUnavailableError, "is a replica"),
        (b"role:master\r\nmaxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\n", BackendRejectedError, "allkeys-lru"),
        (b"\xff\xfe", BackendUnavailableError, "makes no sense"),
    ],
)
def test_unfit_server_is_found_when_connecting(info, error, text, name, opened):
    """P1: a replica, and a server that may drop a leader's claim to save memory, hold no election."""
    with (
        stage.Puppet(b"+OK\r\n", info) as puppet,
        pytest.raises(error, match=text),
    ):
        opened(stage.url(puppet)).elector(name, "a").acquire_leadership()


@pytest.mark.parametrize("command", ["EVAL", "EVALSHA", "INFO", "HMGET", "TIME"])
@pytest.mark.parametrize("program", ["redis", "valkey"])
def test_renamed_command_is_told(tmp_path, program, command, name, opened):
    """Rule 2: a server whose administrator has renamed a command that is needed is refused, and the reason is said."""
    server = stage.Server(tmp_path / "server", name=program, arguments=("--rename-command", command, ""))
    with stage.running(server), pytest.raises(BackendRejectedError, match="lacks a command") as caught:
        opened(stage.url(server)).elector(name, "a").acquire_leadership()
    assert len(str(caught.value)) < 150


def test_eviction_is_refused_by_a_real_server_too(victim, name, opened):
    """P1: maxmemory with allkeys-lru is refused; with volatile-lru no key of ours can be evicted."""
    with stage.client(victim) as asking:
        asking.config_set("maxmemory", "1gb")
        asking.config_set("maxmemory-policy", "allkeys-random")
        with pytest.raises(BackendRejectedError, match="allkeys-random lets claims vanish"):
            opened(stage.url(victim)).elector(name, "a").acquire_leadership()
        asking.config_set("maxmemory-policy", "volatile-lru")
    assert opened(stage.url(victim)).elector(name, "a").acquire_leadership() is not None


def test_trickling_answer_ends_in_time(name, opened):
    """P10: an answer that comes byte by byte, each well within the timeout, is not waited for until it is complete."""
    with stage.Puppet(b"$90\r\n" + 90 * b"x", pause=0.1) as puppet:
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError, match="no answer within"):
            opened(stage.url(puppet), stage.BRIEF).elector(name, "a").acquire_leadership()
        assert time.monotonic() - began < stage.REQUEST_TIMEOUT + 3


@pytest.mark.parametrize("fault", ["freeze", "cut"])
def test_callers_at_once_all_end_in_time(fault, server, name, opened):
    """P10: twenty callers of one backend, more than it has connections, all end within one timeout."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = opened(f"redis://{proxy}", stage.BRIEF)
        electors = [backend.elector(f"{name}/{number}", "a") for number in range(20)]
        stage.lead(electors[0])
        getattr(proxy, fault)()
        raised = []

        def call(elector):
            try:
                elector.acquire_leadership()
            except BackendUnavailableError as error:
                raised.append(str(error))

        began = time.monotonic()
        threads = [threading.Thread(target=call, args=(elector,)) for elector in electors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(stage.PATIENCE)
        assert len(raised) == 20
        assert time.monotonic() - began < stage.REQUEST_TIMEOUT + 3
        proxy.heal()
        assert stage.lead(electors[1])


def test_outage_costs_no_processor_time(victim, name, opened):
    """P10: while the server is away, the thread rests between its tries, though the leader's time has long passed."""
    stage.lead(opened(stage.url(victim)).elector(name, "a"))
    backend = opened(stage.url(victim))
    assert backend.elector(name, "b").acquire_leadership() is None
    victim.kill()
    passed = backend.settings.clock() + stage.TTL
    stage.eventually(lambda: backend.settings.clock() > passed)
    began, used = time.monotonic(), time.process_time()
    stage.eventually(lambda: time.monotonic() - began > 1.5)
    assert time.process_time() - used < 0.5


def test_call_that_hangs_costs_no_processor_time(name, opened, monkeypatch):
    """P10: while an attempt hangs, and the leader's time passes, the thread looks as often as ever."""
    leader, backend = opened().elector(name, "l"), opened()
    stage.lead(leader)
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is None
    run, looks, go_on = backend.store.run, [], threading.Event()

    def slow(script, *arguments, **options):
        if script is LOOK:
            looks.append(boottime())
        elif script is ACQUIRE:
            go_on.wait(stage.PATIENCE)
        return run(script, *arguments, **options)

    monkeypatch.setattr(backend.store, "run", slow)
    attempt = threading.Thread(target=elector.acquire_leadership)
    attempt.start()
    passed = boottime() + 2 * stage.TTL
    stage.eventually(lambda: looks and looks[-1] > passed)
    go_on.set()
    attempt.join()
    assert len(looks) < 30, "six for each ttl, and a few for what is due"


def test_dead_subscription_is_noticed(server, name, opened):
    """P7: hand-overs are told although the connection for messages has gone silent without a farewell."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        follower = opened(f"redis://{proxy}").elector(name, "b")
        leader = opened().elector(name, "a")
        stage.lead(leader)
        assert follower.acquire_leadership() is None
        told = threading.Event()
        follower.notify = told.set
        proxy.freeze()
        assert leader.relinquish_leadership()
        proxy.heal()
        assert told.wait(stage.PATIENCE)


def test_closing_in_an_outage_is_quick_and_complete(victim, name, opened):
    """P8: a backend closes within its timeout while the server is frozen, and leaves no thread."""
    backend = opened(stage.url(victim), stage.BRIEF)
    elector = backend.elector(name, "a")
    stage.lead(elector)
    victim.freeze()
    began = time.monotonic()
    elector.close()
    backend.close()
    assert time.monotonic() - began < 2 * stage.REQUEST_TIMEOUT + 3
    assert [thread for thread in threading.enumerate() if thread.name.startswith("incumbent-redis")] == []
    victim.thaw()


def test_too_few_replicas_is_an_outage(victim, name, opened):
    """P7: a server that takes no writes for want of replicas is unavailable, and serves again when it does."""
    where = stage.url(victim)
    elector = opened(where).elector(name, "a")
    with stage.client(victim) as asking:
        asking.config_set("min-replicas-to-write", 1)
        with pytest.raises(BackendUnavailableError, match="min-replicas-to-write"):
            elector.acquire_leadership()
        asking.config_set("min-replicas-to-write", 0)
    assert elector.acquire_leadership() is not None


def test_time_to_load_the_client_library_is_no_requests(name, opened, monkeypatch):
    """P10: The first request has its whole timeout for the server, however long redis-py takes to be imported."""

    class Slow:
        def find_spec(self, module, *_):
            if module == "incumbent_redis._connection":
                time.sleep(2.2)

    elector = opened(settings=stage.settings(ttl=60.0, request_timeout=2.0)).elector(name, "a")
    monkeypatch.delitem(sys.modules, "incumbent_redis._connection")
    monkeypatch.delattr(sys.modules["incumbent_redis"], "_connection")  # else it is taken from there, unloaded
    monkeypatch.setattr(sys, "meta_path", [Slow(), *sys.meta_path])
    assert elector.acquire_leadership() is not None
