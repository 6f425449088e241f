"""
An etcd that answers nonsense or breaks off; and strangers who write what they like below an election.

Behind a relay that spoils its messages stands a real server: so there is a truth to compare with, and one that the
electors come back to when the relay is honest again. Only errors of the contract leave an elector, in one line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import traceback
import uuid

import etcd_stage as stage
import pytest
from hostile_grpc import CallFailedError, HostileGrpc
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hostile import CANARY, CONTRACT, MANY, QUICK, attempt, printed
from incumbent import (
    BackendSettings,
    Claim,
    LeaderElection,
    LeaderElectionConfig,
    open_backend,
)
from incumbent.cli import main
from incumbent.testing import FaultProxy
from incumbent_etcd._layout import Election
from incumbent_etcd._library import load

#: For requests of which not all are answered.
SETTINGS = BackendSettings(stage.TTL, QUICK)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = stage.Etcd(tmp_path_factory.mktemp("etcd"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def relay(server):
    with HostileGrpc(server.port) as made:
        yield made


@pytest.fixture
def hostile(relay):
    """The relay, honest before and after each test."""
    yield relay
    relay.spoil = None


@pytest.fixture
def opened(hostile):
    """Open backends that go through the relay, which is honest again before they are closed."""
    backends = []

    def open_one(url: str | None = None, settings: BackendSettings = SETTINGS):
        backends.append(open_backend(url or f"etcd://{hostile}", settings))
        return backends[-1]

    yield open_one
    hostile.spoil = None
    for backend in backends:
        backend.close()


@pytest.fixture(scope="module")
def stranger(server):
    """A client of the same server that may write any key and value."""
    client = load().etcd3.Etcd3Client("127.0.0.1", server.port, timeout=20)
    yield client
    client.close()


def candidates(stranger, name: str) -> list:
    """The keys of the election, the oldest first, as the server has them."""
    found = stranger.get_prefix(f"{name}/", sort_order="ascend", sort_target="create")
    return [(value, meta) for value, meta in found if b"/" not in meta.key[len(name) + 1 :]]


def assert_shown(stranger, name: str, elector, claim: Claim) -> None:
    """The claim is what the server shows: the oldest key is ours, made at the token."""
    value, meta = candidates(stranger, name)[0]
    assert (value, meta.create_revision) == (elector.candidate.encode(), claim.token)
    assert meta.lease_id != 0


# ---------------------------------------------------------------- messages that are spoiled

REPLIES = {
    "Range": "RangeResponse",
    "Txn": "TxnResponse",
    "LeaseGrant": "LeaseGrantResponse",
    "LeaseKeepAlive": "LeaseKeepAliveResponse",
    "LeaseTimeToLive": "LeaseTimeToLiveResponse",
    "Watch": "WatchResponse",
}


def parsed(name: str, message: bytes):
    return getattr(load().rpc, REPLIES[name]).FromString(message)


def change(*names: str, **fields: object):
    """Set *fields* in the replies of these methods."""

    def spoil(name, message, _):
        if name not in names:
            return message
        reply = parsed(name, message)
        for field, value in fields.items():
            setattr(reply, field, value)
        return reply.SerializeToString()

    return spoil


def change_keys(**fields: object):
    """Set *fields* in every key that is read."""

    def spoil(name, message, _):
        if name not in ("Range", "Txn"):
            return message
        reply = parsed(name, message)
        parts = (
            [reply]
            if name == "Range"
            else [part.response_range for part in reply.responses if part.HasField("response_range")]
        )
        for part in parts:
            for kv in part.kvs:
                for field, value in fields.items():
                    setattr(kv, field, value)
        return reply.SerializeToString()

    return spoil


def shorten_responses(count: int):
    def spoil(name, message, _):
        if name != "Txn":
            return message
        reply = parsed(name, message)
        del reply.responses[count:]
        return reply.SerializeToString()

    return spoil


def without_keys():
    """Show nobody, and say that there are more."""

    def spoil(name, message, _):
        if name not in ("Range", "Txn"):
            return message
        reply = parsed(name, message)
        for part in [reply] if name == "Range" else [reply.responses[-1].response_range]:
            del part.kvs[:]
            part.more = True
        return reply.SerializeToString()

    return spoil


def failing(code: str, details: str):
    def spoil(*_):
        raise CallFailedError(code, details)

    return spoil


UGLY = "\x1b[31m\r\nTraceback (most recent call last):\n" + "x" * 5000
SPOILS = {
    "empty messages": lambda *_: b"",
    "garbage": lambda *_: b"\xff\xfe\xfd garbage",
    "zeros": lambda *_: bytes(1000),
    "cut in half": lambda _, message, __: message[: len(message) // 2],
    "each message twice": lambda _, message, __: [message, message],
    "doubled": lambda _, message, __: message + message,
    "no message": lambda *_: [],
    "8 MB": lambda _, message, __: message + b"\xfa\xff\x07" + b"\x80\x80\x80\x04" + bytes(8 << 20),
    "ttl of nothing": change("LeaseGrant", "LeaseKeepAlive", TTL=0),
    "negative ttl": change("LeaseGrant", "LeaseKeepAlive", TTL=-1),
    "ttl for ever": change("LeaseGrant", "LeaseKeepAlive", TTL=2**63 - 1),
    "another lease": change("LeaseGrant", "LeaseKeepAlive", "LeaseTimeToLive", ID=5),
    "lease without keys": change("LeaseTimeToLive", TTL=5, grantedTTL=5),
    "never granted": change("LeaseTimeToLive", TTL=-1, grantedTTL=0),
    "no responses": shorten_responses(0),
    "one response": shorten_responses(1),
    "nobody, and more": without_keys(),
    "another key": change_keys(key=b"other/5"),
    "key of any bytes": change_keys(key=bytes(range(256))),
    "another's value": change_keys(value=b"\xff\x00\x1b[31m"),
    "key without a lease": change_keys(lease=0),
    "revision of nothing": change_keys(create_revision=0),
    "negative revision": change_keys(create_revision=-5, mod_revision=-5),
    "mute watches": change("Watch", watch_id=99),
    **{
        f"status {code}": failing(code, UGLY)
        for code in ("CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "PERMISSION_DENIED")
    },
    **{
        f"status {code}": failing(code, UGLY)
        for code in ("RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED")
    },
    "no lease": failing("NOT_FOUND", "etcdserver: requested lease not found"),
    "lease exists": failing("FAILED_PRECONDITION", "etcdserver: lease already exists"),
    "token refused": failing("UNAUTHENTICATED", "etcdserver: invalid auth token"),
}


@pytest.mark.parametrize("how", SPOILS)
def test_spoiled_messages_make_no_leader_and_no_foreign_error(stranger, hostile, opened, name, how):
    """P1, P7, P10: Whatever a verb is answered: an error of the contract in time, no claim but the server's truth."""
    backend = opened()
    leader, rival = backend.elector(name, "leader"), backend.elector(name, "rival")
    late = backend.elector(f"{name}/late", "late")
    claim = stage.lead(leader)
    attempt(rival.acquire_leadership)
    hostile.spoil = SPOILS[how]
    assert attempt(rival.acquire_leadership) is None
    checked = attempt(leader.check_leadership)
    if checked is not None:
        assert checked.token == claim.token
        assert checked.guarantee <= stage.TTL
    won = attempt(late.acquire_leadership)
    if won is not None:
        assert_shown(stranger, f"{name}/late", late, won)
        assert won.guarantee <= stage.TTL
    attempt(rival.observe_leadership)
    attempt(leader.relinquish_leadership)
    hostile.spoil = None
    after = backend.elector(f"{name}/after", "after")
    assert_shown(stranger, f"{name}/after", after, stage.lead(after))


# ---------------------------------------------------------------- no busy loop, no secret


def config(name: str, **options) -> LeaderElectionConfig:
    return LeaderElectionConfig(name, ttl=stage.TTL, request_timeout=0.35, relinquish_interval=None, **options)


def flood(name, message, _):
    """Tell of a change that was none, again and again."""
    if name != "Watch":
        return message
    reply = parsed(name, message)
    event = load().rpc.WatchResponse(header=reply.header, watch_id=reply.watch_id)
    event.events.add().kv.key = b"other"
    return [message, *[event.SerializeToString()] * 200]


def compacted(name, message, _):
    """Say of each watch that what it asks for has been compacted."""
    if name != "Watch":
        return message
    reply = parsed(name, message)
    over = load().rpc.WatchResponse(header=reply.header, watch_id=reply.watch_id, canceled=True, compact_revision=1)
    return [message, over.SerializeToString()]


BUSY = {
    "watches compacted for ever": compacted,
    "watches refused": change("Watch", canceled=True),
    "watches that are nonsense": lambda name, message, _: b"\xff\xff" if name == "Watch" else message,
    "news without end": flood,
    "nobody, and more": without_keys(),
    "everything fails": failing("UNAVAILABLE", "etcdserver: no leader"),
    "ttl of nothing": change("LeaseGrant", "LeaseKeepAlive", TTL=0),
}


@pytest.mark.parametrize("how", BUSY)
def test_nonsense_costs_neither_requests_nor_processor_time(server, stranger, name, how):
    """P7: A follower that is told nonsense asks a few dozen times a second at most, does not spin, and recovers."""
    lease = stranger.lease(60)
    stranger.put(f"{name}/0", "blocks", lease)
    with HostileGrpc(server.port) as hostile:
        hostile.spoil = BUSY[how]
        with LeaderElection(config(name), f"etcd://{hostile}") as election:
            stage.eventually(lambda: len(hostile.asked) > 3)
            time.sleep(0.3)  # the burst of the beginning is not counted
            before, used, began = len(hostile.asked), time.process_time(), time.monotonic()
            time.sleep(0.7)
            seconds = time.monotonic() - began
            assert (len(hostile.asked) - before) / seconds < 60
            assert (time.process_time() - used) / seconds < 0.5
            assert not election.is_leader()
            hostile.spoil = None
            lease.revoke()
            assert election.wait_for_leadership(timeout=stage.PATIENCE)


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "UNAUTHENTICATED", "UNAVAILABLE", "UNKNOWN"])
def test_password_that_is_sent_back_is_not_shown(hostile, opened, name, code, caplog, capsys):
    """P8: A server that repeats the password in its refusals has it shown nowhere: error, cause, log, finding."""
    caplog.set_level(logging.DEBUG)
    url = f"etcd://user:{CANARY}@{hostile}"
    elector = opened(url).elector(name, "a")
    hostile.spoil = failing(code, f"user has not the password {CANARY}")
    for verb in (elector.acquire_leadership, elector.observe_leadership):
        with pytest.raises(CONTRACT) as caught:
            verb()
        assert CANARY not in "".join(traceback.format_exception(caught.value))
    for arguments in (["status", "--elector", url, "--name", name], ["doctor", url, "--ttl", "3"]):
        main(arguments)
    out, err = capsys.readouterr()
    assert CANARY not in out + err + caplog.text
    assert "Traceback" not in err


# ---------------------------------------------------------------- a wire that garbles


class Garbler(FaultProxy):
    """Passes on other bytes than it gets, from now and then, or stops in the middle."""

    how = "honest"
    #: How often it was not honest.
    lies = 0

    async def _pass_on(self, way, data, writer):
        self.lies += self.how != "honest"
        if self.how == "flips bits" and way == "to client":
            changed = bytearray(data)
            # The heads of HTTP/2's frames, rather than what is inside of them: that is for TLS to protect.
            for position in range(min(9, len(changed))):
                changed[position] ^= random.randrange(256)
            data = bytes(changed)
        elif self.how == "cuts" and way == "to client":
            data = data[: len(data) // 2]
        elif self.how == "repeats" and way == "to client":
            data = data * 2
        elif self.how == "another protocol" and way == "to client":
            data = b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\x1b[31m"
        elif self.how == "garbles requests" and way == "to server":
            data = bytes(byte ^ 0x55 for byte in data)
        await super()._pass_on(way, data, writer)
        if self.how == "breaks off":
            raise ConnectionResetError
        await asyncio.sleep(0)


@pytest.mark.parametrize("how", ["flips bits", "cuts", "repeats", "another protocol", "garbles requests", "breaks off"])
def test_garbled_wire_makes_no_leader_and_no_foreign_error(server, stranger, name, how):
    """P1, P7: Frames that are cut, repeated or changed: errors of the contract only, and all is well on a good wire."""
    with Garbler("127.0.0.1", server.port) as proxy:
        backend = open_backend(f"etcd://{proxy}", SETTINGS)
        try:
            leader, late = backend.elector(name, "leader"), backend.elector(f"{name}/late", "late")
            claim = stage.lead(leader)
            proxy.how = how
            won, checked = attempt(late.acquire_leadership), attempt(leader.check_leadership)
            if won is not None:  # it came through before anything was wrong
                assert_shown(stranger, f"{name}/late", late, won)
            if checked is not None:
                assert_shown(stranger, name, leader, checked)
            proxy.how = "honest"
            assert proxy.lies
            proxy.reset()
            renewed = stage.lead(leader)
            assert_shown(stranger, name, leader, renewed)
            assert renewed.token >= claim.token
            assert_shown(stranger, f"{name}/late", late, stage.lead(late))
        finally:
            proxy.how = "honest"
            backend.close()


# ---------------------------------------------------------------- what strangers write

words = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.text("0123456789abcdefxyz/.%\x1b\u202e\n", min_size=1, max_size=12).map(str.encode),
    st.integers(1, 2**63 - 1).map(lambda number: b"%x" % number),
    st.sampled_from([b"/", b"//", b"a/b", b"\x00", b"\xff" * 20, b"..", b"x" * 2000]),
)
values = st.one_of(
    st.binary(max_size=60), st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode)
)


@examples(MANY, max_examples=25)
@given(written=st.dictionaries(words, st.tuples(values, st.booleans()), min_size=1, max_size=4))
def test_keys_and_values_of_strangers_are_data(server, stranger, written):
    """P1: Keys of any bytes below an election: who is oldest leads, ours only when it is; the status is printable."""
    name = f"tests/{uuid.uuid4().hex[:12]}"
    lease = stranger.lease(60)
    backend = open_backend(f"etcd://127.0.0.1:{server.port}", stage.settings())
    try:
        elector = backend.elector(name, "ours")
        for key, (value, is_kept) in written.items():
            put(stranger, f"{name}/".encode() + key, value, lease.id if is_kept else 0)
        competing = candidates(stranger, name)
        claim = elector.acquire_leadership()
        assert (claim is None) == bool(competing)
        record = elector.observe_leadership()
        assert len(record.candidates) == len(competing) + 1
        if competing:
            assert record.token == competing[0][1].create_revision
        url = f"etcd://127.0.0.1:{server.port}"
        lines = printed("status", "--elector", url, "--name", name).splitlines()
        assert all(line.isprintable() for line in lines)
        report = json.loads(printed("status", "--elector", url, "--name", name, "--json"))
        assert report["token"] == record.token
        for key in written:
            delete(stranger, f"{name}/".encode() + key)
        won = elector.acquire_leadership()
        assert won is not None
        assert_shown(stranger, name, elector, won)
        assert elector.check_leadership().token == won.token
    finally:
        backend.close()
        lease.revoke()


def put(stranger, key: bytes, value: bytes, lease: int) -> None:
    """python-etcd3's own `put` takes text only."""
    rpc = load().rpc
    stranger.kvstub.Put(rpc.PutRequest(key=key, value=value, lease=lease), timeout=20)


def delete(stranger, key: bytes) -> None:
    stranger.kvstub.DeleteRange(load().rpc.DeleteRangeRequest(key=key), timeout=20)


def test_huge_values_of_strangers_cost_no_leadership(server, stranger, opened, name):
    """P7: A megabyte in a stranger's value is neither read by who campaigns, nor printed in full."""
    lease = stranger.lease(60)
    backend = opened(settings=stage.settings(60.0))
    leader = backend.elector(name, "ours")
    claim = stage.lead(leader)
    for number in range(20):
        put(stranger, f"{name}/{number}".encode(), b"\xff" * (1 << 20), lease.id)
    rival = backend.elector(name, "rival")
    assert rival.acquire_leadership() is None
    assert leader.check_leadership().token == claim.token
    out = printed("status", "--elector", f"etcd://127.0.0.1:{server.port}", "--name", name)
    assert len(out) < 10_000
    lease.revoke()


# ---------------------------------------------------------------- every reader of messages, with any message

int64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12)
LEASE = 0x7
KEY = b"k/7"


def fields(right: dict, wrong: dict):
    """Each field as it should be, nine times of ten, or anything."""
    return st.fixed_dictionaries(
        {
            name: st.sampled_from([True] * 9 + [False]).flatmap(
                lambda ok, n=name: st.just(right[n]) if ok else wrong[n]
            )
            for name in right
        }
    )


kvs = fields(
    {"key": KEY, "value": b"a", "lease": LEASE, "create_revision": 5, "mod_revision": 5},
    {
        "key": st.sampled_from([b"", b"k", b"k/", b"k/8", b"k/7/x", b"l/7"]) | st.binary(max_size=9),
        "value": st.binary(max_size=9),
        "lease": int64,
        "create_revision": int64,
        "mod_revision": int64,
    },
)
ranges = st.fixed_dictionaries({"kvs": st.lists(kvs, max_size=2), "more": st.booleans(), "count": int64})
operations = ranges.map(lambda r: {"response_range": r}) | st.just({"response_put": {}}) | st.just({})
headers = st.fixed_dictionaries({"revision": int64})
txns = st.fixed_dictionaries(
    {"header": headers, "succeeded": st.booleans(), "responses": st.lists(operations, max_size=4)}
)
grants = fields({"ID": LEASE, "TTL": 3}, {"ID": int64, "TTL": int64})
lives = fields(
    {"ID": LEASE, "TTL": 2, "grantedTTL": 3, "keys": [KEY]},
    {"ID": int64, "TTL": int64, "grantedTTL": int64, "keys": st.lists(st.binary(max_size=5), max_size=2)},
)
MESSAGES = {"Range": ranges, "Txn": txns, "LeaseGrant": grants, "LeaseKeepAlive": grants, "LeaseTimeToLive": lives}


class Answered:
    """A request that has been answered."""

    client = object()

    def __init__(self, answer) -> None:
        self._answer = answer

    def result(self):
        return self._answer

    def cancel(self) -> None:
        """Nothing is out."""


@MANY
@given(st.data())
def test_claim_is_what_the_messages_show(data):
    """P1, P2, P4: Whatever the messages say: an error of the contract, or a claim on our key, as long as granted."""
    backend = open_backend("etcd://127.0.0.1:1", SETTINGS)
    connection = backend.connection
    shown = []

    def send(name, request):
        drawn = data.draw(MESSAGES.get(name, st.just({})), name)
        reply = getattr(connection.rpc, REPLIES.get(name, "LeaseRevokeResponse"))(**drawn)
        shown.append((name, reply))
        return Answered(reply)

    connection.send = send
    connection.call = lambda name, request: send(name, request).result()
    connection.read = connection.call
    backend.watcher.watch = lambda *_, **__: None
    elector = backend.elector("k", "a")
    session = backend.sessions.join(b"k/", elector)
    session.keep_alive = lambda _: None
    elector._session = session
    lease = session._lease = new_lease(backend)
    lease.id = LEASE
    try:
        for verb in (elector.acquire_leadership, elector.check_leadership, elector.observe_leadership):
            answer = attempt(verb)
            if isinstance(answer, Claim):
                assert answer.token > 0
                leases = [message for name, message in shown if name.startswith("Lease")]
                granted = [getattr(message, "grantedTTL", 0) or message.TTL for message in leases]
                # A server that cannot grant as little as was asked for grants more, but never this much more.
                assert 1 <= answer.guarantee <= min(75, max(granted))
                assert any(shows(message, answer.token) for name, message in shown if name == "Txn")
    finally:
        connection.send = lambda *_: Answered(None)
        backend.close()


def new_lease(backend):
    from incumbent_etcd._lease import Lease

    return Lease(backend.connection, backend.ttl, backend.settings.clock)


def shows(message, token: int) -> bool:
    found = [kv for part in message.responses for kv in part.response_range.kvs]
    return any((kv.key, kv.lease, kv.create_revision) == (KEY, LEASE, token) for kv in found)


@MANY
@given(st.lists(kvs, max_size=6), int64)
def test_entries_are_of_this_election_only(found, revision):
    """Keys of any bytes: those of other elections, of elections below, and the prefix itself are never candidates."""
    rpc = load().rpc
    election = Election(rpc, "", "k")
    reply = rpc.RangeResponse(kvs=found)
    for entry in attempt(lambda: election.entries(reply)) or ():
        assert entry.key.startswith(b"k/")
        assert b"/" not in entry.key[2:]
    nearest = attempt(lambda: election.nearest(reply.kvs, revision))
    assert nearest is None or 0 < nearest.created < revision
