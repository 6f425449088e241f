"""
A Consul that answers nonsense, lies, or takes its time; and strangers who write what they like.

Behind a relay that spoils its answers stands a real server: so there is a truth to compare with, and one that the
electors come back to when the relay is honest again. Only errors of the contract leave an elector, in one line.
"""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
import traceback
import uuid
from contextlib import suppress

import consul_stage as stage
import pytest
from hostile_http import HostileHttp, Reply
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from oneline import assert_one_line

from hostile import CANARY, CONTRACT, MANY, QUICK, SLOW, attempt, printed
from incumbent import (
    BackendSettings,
    BackendUnavailableError,
    Claim,
    LeaderElection,
    open_backend,
)
from incumbent.cli import main
from incumbent_consul._connection import Answer
from incumbent_consul._layout import Pair
from incumbent_consul.testing import ConsulServer

SETTINGS = BackendSettings(stage.TTL, QUICK)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = ConsulServer(directory=tmp_path_factory.mktemp("consul"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def relay(server):
    with HostileHttp(server.port) as made:
        yield made


@pytest.fixture
def hostile(relay):
    """The relay, honest before and after each test."""
    yield relay
    relay.spoil = None


@pytest.fixture
def opened(hostile):
    """Open backends that go through the relay; honest again before they are closed."""
    backends = []

    def open_one(url: str | None = None, settings: BackendSettings = SETTINGS):
        backends.append(open_backend(url or stage.url(hostile), settings))
        return backends[-1]

    yield open_one
    hostile.spoil = None
    for backend in backends:
        backend.close()


def assert_shown(server, name: str, elector, claim: Claim) -> None:
    """The claim is what the server shows: our session has our key locked since the token."""
    pair = stage.lock(server, name)
    assert pair is not None
    assert stage.value(pair) == elector.candidate
    assert (pair["ModifyIndex"], pair.get("Session") is not None) == (claim.token, True)


# ---------------------------------------------------------------- answers that are spoiled

DEEP = b"[" * 100_000
SHAPES = [b"null", b"[]", b"", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'{"Errors": [{"What": "invalid session"}]}']
STATUSES = [101, 204, 302, 304, 403, 404, 409, 429, 502, 999]
TEXTS = [b"", b"invalid session", b"rpc error: No cluster leader", b"<html>\x1b[31m\r\n</html>", b"\xff" * 500]


def field(name: str, value: object):
    """Put *value* into that field of every object of the answer, however deep."""

    def changed(node):
        if isinstance(node, dict):
            return {key: value if key == name else changed(inner) for key, inner in node.items()}
        return [changed(inner) for inner in node] if isinstance(node, list) else node

    def spoil(_, honest: Reply) -> Reply:
        with suppress(ValueError):
            return honest.but(body=json.dumps(changed(json.loads(honest.body))).encode())
        return honest

    return spoil


def raw(head: str, body: bytes = b"[]"):
    return lambda *_: head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def endless(first: bytes, piece: bytes, pause: float = 0.0):
    def pieces():
        yield first
        end = time.monotonic() + 4 * SLOW
        while time.monotonic() < end:
            time.sleep(pause)
            yield piece

    return lambda *_: pieces()


OK = "HTTP/1.1 200 OK\nX-Consul-Index: 5\n"
STRANGER = "ffffffff-ffff-ffff-ffff-ffffffffffff"
SPOILS = {
    **{f"body {body[:24]!r}": lambda _, honest, body=body: honest.but(body=body) for body in SHAPES},
    **{
        f"status {status}": lambda *_, status=status, text=text: Reply(
            status, {}, b"" if status < 200 or status in (204, 304) else text
        )
        for status, text in zip(STATUSES, TEXTS * 2, strict=True)
    },
    **{f"500 {text[:8]!r}": lambda *_, text=text: Reply(500, {}, text) for text in TEXTS},
    **{
        f"index {str(index)[:8]!r}": lambda _, honest, index=index: honest.with_headers(x_consul_index=index)
        for index in (None, "nan", "9" * 5000)
    },
    "cut in half": lambda _, honest: honest.but(body=honest.body[: len(honest.body) // 2]),
    "cut, with the length of the whole": lambda _, honest: honest.but(
        body=honest.body[:-2], headers={**honest.headers, "content-length": str(len(honest.body))}
    ),
    "said to be shorter": lambda _, honest: honest.with_headers(content_length="1"),
    "said to be endless": lambda _, honest: honest.with_headers(content_length="9" * 18),
    "length of 5000 digits": lambda _, honest: honest.with_headers(content_length="9" * 5000),
    "negative length": lambda _, honest: honest.with_headers(content_length="-5"),
    "length that is no number": lambda _, honest: honest.with_headers(content_length="\x00"),
    "no chunk": lambda _, honest: honest.with_headers(transfer_encoding="chunked"),
    "huge chunk": raw(OK + "Transfer-Encoding: chunked", b"ffffffffffffffff\r\nx"),
    "negative chunk": raw(OK + "Transfer-Encoding: chunked", b"-5\r\nx"),
    "chunk without size": raw(OK + "Transfer-Encoding: chunked", b"zz\r\nx"),
    "no HTTP": lambda *_: b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": lambda *_: b"",
    "blank lines": lambda *_: b"\r\n" * 500,
    "zeros": lambda *_: b"\x00" * 10_000,
    "HTTP/9": raw("HTTP/9.9 abc"),
    "status of letters": raw("HTTP/1.1 OK 200"),
    "header without end": lambda *_: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    "thousand headers": raw(OK + "\n".join(f"H{n}: x" for n in range(1000))),
    "header of no bytes": raw(OK + ": \n\x00\xff: \x00"),
    "endless continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
    "one byte at a time": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" ", 0.05),
    "two answers": raw(OK + "Content-Length: 2", b"[]" + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"),
    "another key": field("Key", "other/.lock"),
    "another session": field("Session", STRANGER),
    "no session": field("Session", None),
    "session of another type": field("Session", 5),
    "value that is no base64": field("Value", "\u00e9"),
    "value of any bytes": field("Value", base64.b64encode(bytes(range(256))).decode()),
    **{f"ModifyIndex {index!r:.8}": field("ModifyIndex", index) for index in (-1, 0, True, 2**64, 10**4000)},
    "no flags": field("Flags", 0),
}


@pytest.mark.parametrize("how", SPOILS)
def test_spoiled_answers_make_no_leader_and_no_foreign_error(server, hostile, opened, name, how):
    """P1, P7, P10: Whatever a verb is answered: an error of the contract in time, no claim but the server's truth."""
    backend = opened()
    leader, rival = backend.elector(name, "leader"), backend.elector(name, "rival")
    late = backend.elector(f"{name}/late", "late")
    claim = stage.lead(leader)
    attempt(rival.acquire_leadership)
    hostile.spoil = SPOILS[how]
    assert attempt(rival.acquire_leadership) is None
    checked = attempt(leader.check_leadership)
    assert checked is None or checked.token == claim.token
    assert_shown(server, name, leader, claim)
    attempt(rival.observe_leadership)
    won = attempt(late.acquire_leadership)
    if won is not None:
        assert_shown(server, f"{name}/late", late, won)
    attempt(leader.relinquish_leadership)
    hostile.spoil = None
    after = backend.elector(f"{name}/after", "after")
    assert_shown(server, f"{name}/after", after, stage.lead(after))


@pytest.mark.parametrize("how", ["cut in half", "no HTTP"])
def test_election_recovers_when_the_answers_do(server, hostile, name, how):
    """P7: Two candidates that were told nonsense for longer than a term go on by themselves, with one leader."""
    first, second = (LeaderElection(stage.config(name, candidate=who), stage.url(hostile)) for who in "ab")
    with first, second:
        stage.eventually(lambda: first.is_leader() or second.is_leader())
        hostile.spoil = SPOILS[how]
        stage.eventually(lambda: not first.is_leader() and not second.is_leader())
        hostile.spoil = None

        def one_leads():
            assert not (first.is_leader() and second.is_leader())
            return first.is_leader() or second.is_leader()

        stage.eventually(one_leads)
        hostile.spoil = None


# ---------------------------------------------------------------- no busy loop, no detour, no secret

BUSY = {
    "watches that return at once": lambda asked, honest: honest,
    "an index that goes back": lambda asked, honest: honest.with_headers(x_consul_index="1"),
    "an index of 30 digits": lambda asked, honest: honest.with_headers(x_consul_index="9" * 30),
    "no index": lambda asked, honest: honest.with_headers(x_consul_index=None),
    "too many requests": lambda *_: Reply(429, {}, b"slow down"),
    "nonsense": lambda _, honest: honest.but(body=b"{}"),
    "closed at once": lambda *_: b"",
}


@pytest.mark.parametrize("how", BUSY)
def test_nonsense_costs_neither_requests_nor_processor_time(server, name, how):
    """P7: A follower that is told nonsense asks no more than some thirty times a second, and does not spin."""
    blocked = stage.new_session(server)
    stage.put(server, f"{name}/.lock?flags={stage.FLAGS}&acquire={blocked}")
    with HostileHttp(server.port) as hostile, LeaderElection(stage.config(name), stage.url(hostile)) as election:
        stage.eventually(election.is_follower)
        hostile.spoil = BUSY[how]
        hostile.hurries = True
        stage.put(server, f"{name}/.lock?flags={stage.FLAGS}&acquire={blocked}", "news")  # ends the honest question
        count = len(hostile.asked)
        stage.eventually(lambda: len(hostile.asked) > count + 1)
        before, used, began = len(hostile.asked), time.process_time(), time.monotonic()
        threading.Event().wait(1.0)
        seconds = time.monotonic() - began
        assert (len(hostile.asked) - before) / seconds < 50  # ten at once, and one each 0.05 s; and the engine's
        assert (time.process_time() - used) / seconds < 0.5
        assert not election.is_leader()
        hostile.spoil, hostile.hurries = None, False
    server.ask("PUT", f"/v1/session/destroy/{blocked}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(hostile, opened, name, status):
    """Nobody is led elsewhere, least of all with a token."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        elector = opened(stage.url(hostile, token=CANARY), stage.settings()).elector(name, "a")
        where = f"http://127.0.0.1:{trap.getsockname()[1]}/v1/kv/"
        hostile.spoil = lambda *_: Reply(status, {"location": where}, b"")
        for verb in (elector.acquire_leadership, elector.observe_leadership):
            with pytest.raises(BackendUnavailableError, match="redirect"):
                verb()
        with pytest.raises(TimeoutError):
            trap.accept()


def echo(where: str):
    """Answer with what was asked, token and all."""

    def spoil(asked, honest):
        said = "".join(f"{name}: {value}; " for name, value in asked.headers.items())
        if where == "status line":
            return f"HTTP/1.1 {said}\r\n\r\n".encode()
        if where == "chunk":
            return raw(OK + "Transfer-Encoding: chunked", said.encode())()
        if where == "JSON":
            return honest.but(body=json.dumps({"Errors": [{"What": said}], "ID": said}).encode())
        if where == "text":
            return honest.but(body=json.dumps(CANARY).encode())
        return Reply(int(where), {}, (CANARY + said).encode())

    return spoil


@pytest.mark.parametrize(
    "where", ["status line", "chunk", "JSON", "text", "200", "400", "403", "404", "409", "500", "503"]
)
def test_token_that_is_sent_back_is_not_shown(hostile, opened, name, where, caplog, capsys):
    """P8: Some servers show back what they were sent: no error, cause, log line or finding repeats the token."""
    caplog.set_level(logging.DEBUG)
    url = stage.url(hostile, token=CANARY)
    leader = opened(url).elector(name, "a")
    stage.lead(leader)  # it has half a second, which a busy machine may not keep at once
    elector = opened(url).elector(f"{name}/b", "b")
    hostile.spoil = echo(where)
    for verb in (elector.acquire_leadership, elector.observe_leadership, leader.check_leadership):
        caught = None
        try:
            verb()
        except CONTRACT as error:
            caught = error
        assert CANARY not in "".join(traceback.format_exception(caught))
    for arguments in (["status", "--elector", url, "--name", name], ["doctor", url, "--ttl", "3"]):
        main(arguments)
    out, err = capsys.readouterr()
    assert CANARY not in out + err + caplog.text
    assert "Traceback" not in err


# ---------------------------------------------------------------- what strangers write

ids = st.one_of(
    st.binary(max_size=60), st.text(st.characters(), max_size=40).map(lambda t: t.encode("utf-8", "replace"))
)


@examples(MANY, max_examples=25)
@given(leader=ids, waiting=st.lists(ids, max_size=3), where=st.text("ab/.%?#\x1b\u202e", max_size=6))
def test_values_of_strangers_are_shown_safely(server, leader, waiting, where):
    """Any bytes as a value, and keys of any shape in the queue: the status is printable, and the token is right."""
    name = f"tests/{uuid.uuid4().hex[:12]}"
    session = stage.new_session(server)
    operations = [
        {"Verb": "lock", "Key": f"{name}/.lock", "Flags": stage.FLAGS, "Session": session, "Value": b64(leader)}
    ]
    for number, value in enumerate(waiting):
        key = f"{name}/.queue/{where}{number}"
        operations.append({"Verb": "lock", "Key": key, "Session": session, "Value": b64(value)})
    server.ask("PUT", "/v1/txn", [{"KV": operation} for operation in operations])
    token = stage.lock(server, name)["ModifyIndex"]
    arguments = ["status", "--elector", stage.url(server), "--name", name]
    done = printed(*arguments)
    assert done.splitlines()[3].split() == ["token", str(token)]
    assert all(line.isprintable() for line in done.splitlines())
    report = json.loads(printed(*arguments, "--json"))
    assert report["token"] == token
    assert len(report["candidates"]) == 1 + len(waiting)
    server.ask("PUT", f"/v1/session/destroy/{session}")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------- every parser of answers, with any JSON

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.sampled_from([STRANGER, "k", "k/.lock", "", "====", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Key", "Value", "Session", "Flags", "ID", "KV", "Errors", "Results", "What"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)
SESSION = str(uuid.UUID(int=7))


def or_anything(value):
    return json_values if value is None else st.just(value)


def pairs(key: str = "k"):
    """Keys that are nearly right: each field is what it should be, or anything."""
    right = {"Key": key, "Value": "YQ==", "Session": SESSION, "Flags": stage.FLAGS, "CreateIndex": 5, "ModifyIndex": 7}
    fields = {name: st.sampled_from([value] * 9 + [None]).flatmap(or_anything) for name, value in right.items()}
    return st.fixed_dictionaries({**fields, "Key": st.sampled_from([key, key, key, "other/.lock", "", None])})


def answers(key: str = "k"):
    """Whole bodies: of a key, of a transaction, of anything."""
    pair = pairs(key) | json_values
    several = st.lists(pair, max_size=3)
    result = st.fixed_dictionaries({"KV": pair}) | json_values
    done = st.fixed_dictionaries(
        {"Results": st.lists(result, max_size=3) | json_values, "Errors": st.none() | st.just([]) | json_values}
    )
    whole = (several | done | json_values).map(json.dumps)
    return (
        whole | st.text(st.characters(), max_size=20) | st.tuples(whole, st.integers(0, 50)).map(lambda t: t[0][: t[1]])
    )


indexes = st.none() | st.integers(-5, 2**70).map(str) | st.text(st.characters(), max_size=5)


@pytest.fixture(scope="module")
def client():
    backend = open_backend("consul://127.0.0.1:1?session-ttl-min=2", SETTINGS)
    yield backend.client
    backend.close()


@MANY
@given(answers(), indexes, st.sampled_from([200, 200, 200, 404, 409, 500]))
def test_any_answer_is_understood_or_an_unknown_outcome(client, body, index, code):
    """Every method of the client, whatever it gets: the type that it promises, or an error of the contract."""
    client.pool.ask = lambda _: Answer(code, {"X-Consul-Index": index}, body)
    methods = {
        "get": (lambda: client.get("k"), Pair | None),
        "trees": (lambda: client.trees(["k"]), dict),
        "get_many": (lambda: client.get_many(["k", "l"]), dict),
        "lock": (lambda: client.lock("k", SESSION, "v", 1, modify_index=0, leave="l", since=1.0), Pair | str),
        "unlock": (lambda: client.unlock("k", SESSION, 1, modify_index=7, remove=True), Pair | str),
        "acquire": (lambda: client.acquire("k", SESSION, "v"), bool),
        "delete": (lambda: client.delete("k", 5), bool),
        "renew": (lambda: client.renew_session(SESSION), bool),
        "create": (lambda: client.create_session({}), str),
        "watch": (lambda: client.watch(client.pool.connection(), "k", recurse=True, index=5, wait=1.0), tuple),
    }
    for name, (method, kind) in methods.items():
        try:
            answer = method()
        except CONTRACT as error:
            assert_one_line(error)
            continue
        assert isinstance(answer, kind), name
        found = list(answer.values()) if isinstance(answer, dict) else [answer]
        for pair in found:
            if isinstance(pair, Pair):
                assert all(0 <= index < 2**64 for index in (pair.flags, pair.create_index, pair.modify_index))
                assert name in ("trees", "get_many") or pair.key == "k"


@MANY
@given(st.data())
def test_claim_is_what_the_answers_show(data):
    """P1: An elector believes that it leads only if an answer shows its own key, locked by its own session."""
    backend = open_backend("consul://127.0.0.1:1?session-ttl-min=2", SETTINGS)
    elector = backend.elector("k", "a")
    shown = []

    def ask(request):
        if request.target.startswith("/v1/session/create"):
            return Answer(200, {}, json.dumps({"ID": SESSION}))
        if request.target.startswith("/v1/session/renew"):
            return Answer(200, {}, json.dumps([{"ID": SESSION}]))
        body = data.draw(answers("k/.lock"))
        shown.append(body)
        return Answer(200, {"X-Consul-Index": "5"}, body)

    backend.client.pool.ask = ask
    elector._watcher.follow = lambda _: None
    elector._session.keep = lambda: None
    try:
        for verb in ("acquire_leadership", "check_leadership"):
            claim = attempt(getattr(elector, verb))
            if claim is not None:
                assert any(is_ours(pair, claim.token, verb) for body in shown for pair in objects(json.loads(body)))
    finally:
        backend.close()


def is_ours(pair: dict, token: int, verb: str) -> bool:
    ours = (pair.get("Key"), pair.get("Session")) == ("k/.lock", SESSION)
    return ours and (verb == "check_leadership" or pair.get("ModifyIndex") == token)


def objects(node):
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from objects(inner)
