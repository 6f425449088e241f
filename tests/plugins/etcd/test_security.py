"""Encryption, users and rights, and secrets that show nowhere."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
import time
import traceback
from math import inf
from types import SimpleNamespace

import etcd_stage as stage
import pytest
from certificates import Authority

from incumbent import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    ElectionError,
    LeaderElection,
    LeaderElectionConfig,
    observe,
    open_backend,
)
from incumbent.testing import FaultProxy
from incumbent_etcd._errors import LeaseGoneError, translated

SECRET = "canary-Pa55w0rd"
#: How long a token lives that is not used, seconds.
TOKEN_LIFE = 1


def campaign(backend, name: str):
    """Lead once, and hand over."""
    elector = backend.elector(name, "a")
    claim = stage.lead(elector, 10.0)
    assert elector.check_leadership() is not None
    assert elector.relinquish_leadership() is True
    return claim


# ---------------------------------------------------------------- encryption


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def encrypted(tmp_path, authority):
    """Start servers that encrypt."""
    servers = []

    def start(name="server", *, mutual=False, **values) -> stage.Etcd:
        cert, key = authority.issue(name, **values)
        arguments = ["--cert-file", str(cert), "--key-file", str(key)]
        if mutual:
            arguments += ["--client-cert-auth", "--trusted-ca-file", str(authority.file)]
        servers.append(stage.Etcd(tmp_path / f"etcd{len(servers)}", scheme="https", arguments=arguments))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_encrypted_connection(encrypted, authority, opened, name):
    """Item 6: With `ca`, the connection is encrypted and the server's certificate is checked."""
    server = encrypted()
    sent: list[bytes] = []
    with FaultProxy("127.0.0.1", server.port, tap=lambda way, data: sent.append(data)) as proxy:
        backend = opened(f"etcd://{proxy}?ca={authority.file}")
        campaign(backend, name)
        backend.close()
    assert name.encode() not in b"".join(sent)


def test_encrypted_both_ways(encrypted, authority, opened, name):
    """Item 6: With `cert` and `key`, we prove to the server who we are."""
    server = encrypted(mutual=True)
    cert, key = authority.issue("client")
    campaign(opened(f"etcd://127.0.0.1:{server.port}?ca={authority.file}&cert={cert}&key={key}"), name)


def test_whole_election_and_the_harness_over_mutual_encryption(encrypted, authority, name):
    """Item 6: An election over mutual TLS hands over between two candidates, as over plain TCP."""
    server = encrypted(mutual=True)
    cert, key = authority.issue("client")
    url = f"etcd://127.0.0.1:{server.port}?ca={authority.file}&cert={cert}&key={key}"
    config = LeaderElectionConfig(name, ttl=stage.TTL, request_timeout=0.5, relinquish_interval=None)
    with LeaderElection(config, url) as first:
        term = first.wait_for_leadership(timeout=stage.PATIENCE)
        with LeaderElection(config, url) as second:
            stage.eventually(second.is_follower)
            first.relinquish()
            assert second.wait_for_leadership(timeout=stage.PATIENCE).token > term.token
            assert next(iter(observe(url, name))).candidate == second.candidate


SAID = {
    "authority": "TLS: the server's certificate is not accepted",
    "host": "TLS: the server's certificate is for another host",
    "expired": "TLS: the server's certificate is not accepted (certificate has expired)",
    "no certificate of ours": "TLS: the server ends the connection; it may want a certificate",
}


@pytest.mark.parametrize("wrong", SAID)
def test_certificate_that_is_not_accepted(encrypted, authority, tmp_path, opened, name, wrong):
    """Item 6: Nothing is said to a server with another authority's, another host's, or an expired certificate."""
    values = {"host": {"hosts": ("elsewhere.test",)}, "expired": {"days": -1.0}}.get(wrong, {})
    server = encrypted(f"server-{wrong[:4]}", mutual=wrong == "no certificate of ours", **values)
    ca = Authority(tmp_path / "another").file if wrong == "authority" else authority.file
    sent: list[bytes] = []
    with FaultProxy("127.0.0.1", server.port, tap=lambda way, data: sent.append(data)) as proxy:
        settings = stage.settings(request_timeout=3.0)  # all of which it waits for another answer
        elector = opened(f"etcd://{proxy}?ca={ca}", settings).elector(name, "a")
        with pytest.raises(BackendUnavailableError) as caught:
            elector.acquire_leadership()
        assert len(str(caught.value).splitlines()) == 1
        assert b"PRI * HTTP/2" not in b"".join(sent), "it has fallen back to plaintext"
        assert SAID[wrong] in str(caught.value)


def test_client_certificate_without_ca_is_refused_and_the_trap_is_plaintext(authority, name, server):
    """Item 6: `cert` without `ca` is refused; python-etcd3 itself would talk plaintext without a word."""
    from incumbent_etcd._library import load

    cert, key = map(str, authority.issue("client"))
    client = load().etcd3.client(port=server.port, cert_cert=cert, cert_key=key, timeout=5)
    assert client.get("nothing") == (None, None), "it was a trap: it is to be looked at again"
    client.close()
    for query in (f"cert={cert}&key={key}", f"cert={cert}&ca=system", f"key={key}&ca=system", f"cert={cert}"):
        with pytest.raises(ConfigurationError):
            open_backend(f"etcd://127.0.0.1?{query}", stage.settings())


def test_certificates_that_were_replaced_are_read_again(encrypted, authority, tmp_path, opened, name):
    """Item 6: A file that has been replaced is used by new connections, without a new backend."""
    server = encrypted(mutual=True)
    cert, key = authority.issue("client")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(Authority(tmp_path / "another").file.read_bytes())
    elector = opened(f"etcd://127.0.0.1:{server.port}?ca={ca}&cert={cert}&key={key}", stage.BRIEF).elector(name, "a")
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    ca.write_bytes(authority.file.read_bytes())
    stage.lead(elector)


BAD_URLS = {
    "etcd://h?ca=/does/not/exist": "option ca='/does/not/exist': cannot be read: No such file or directory",
    "etcd://h?ca=/etc": "option ca='/etc': is not a file",
    "etcd://h?ca=/etc/hostname": "option ca='/etc/hostname': has no certificate in PEM format",
    "etcd://h?tls=maybe": "option tls='maybe': must be yes or no",
    "etcd://h?tls=no&ca=/x": "option ca makes no sense with tls=no: leave one of them out",
    "etcd://user:secret@h": "user and password would go to h:2379 unencrypted: give ca=FILE, tls=yes or, if the "
    "network can be trusted, insecure=yes",
    "etcd://user@127.0.0.1": "user 'user' has no password: give password-file=FILE or $ETCDCTL_PASSWORD",
    "etcd://127.0.0.1?password-file=/x": "option password-file='/x': cannot be read: No such file or directory",
    "etcd://u:p@127.0.0.1?password-file=/x": "option password-file: the URL has a password already: leave one out",
    "etcd://h/a//b": "path '/a//b': has an empty segment between two slashes",
}


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_url_is_refused_in_one_line(url):
    """Item 6: A wrong option is refused before anything is opened, and the line says what to do."""
    with pytest.raises(ConfigurationError) as caught:
        open_backend(url, stage.settings())
    assert str(caught.value) == f"etcd: {BAD_URLS[url]}"


def test_servers_that_only_etcdctl_would_find_are_refused(monkeypatch):
    """Item 6: Who has servers found by DNS for etcdctl is told to name them, and not led to this machine's."""
    monkeypatch.setenv("ETCDCTL_DISCOVERY_SRV", "example.com")
    told = "etcd: $ETCDCTL_DISCOVERY_SRV is not used: name the servers in the URL or in $ETCDCTL_ENDPOINTS"
    with pytest.raises(ConfigurationError) as caught:
        open_backend("etcd://", stage.settings())
    assert str(caught.value) == told
    open_backend("etcd://10.0.0.1", stage.settings()).close()


def test_server_that_is_named_twice_is_one():
    """A port that is left out is the usual one: there is no other server to go to."""
    backend = open_backend("etcd://10.0.0.1,10.0.0.1:2379", stage.settings())
    backend.close()
    assert [str(endpoint) for endpoint in backend.connection.options.endpoints] == ["10.0.0.1:2379"]


def test_unencrypted_password_to_another_host_if_asked():
    """Item 6: With insecure=yes the user has decided."""
    open_backend("etcd://user:secret@10.0.0.1?insecure=yes", stage.settings()).close()


# ---------------------------------------------------------------- users and rights


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for a password, with a user who may do no more than campaign below tests/."""
    made = stage.Etcd(tmp_path_factory.mktemp("guarded"), arguments=["--auth-token-ttl", str(TOKEN_LIFE)])
    made.start()
    made.ctl("role", "add", "candidate")
    # The least that works, as the elector's page says.
    made.ctl("role", "grant-permission", "--prefix=true", "candidate", "readwrite", "tests/")
    made.ctl("user", "add", f"app:{SECRET}")
    made.ctl("user", "grant-role", "app", "candidate")
    made.enable_users("root-password")
    yield made
    made.stop()


@pytest.fixture
def guarded_url(guarded):
    return f"etcd://app:{SECRET}@127.0.0.1:{guarded.port}"


ROOT = {"ETCDCTL_USER": "root:root-password"}


def test_least_role_is_enough(guarded_url, name):
    """Item 6: readwrite on the prefix is all that campaigning, waiting, observing and handing over need."""
    config = LeaderElectionConfig(name, ttl=stage.TTL, request_timeout=0.5, relinquish_interval=None)
    with LeaderElection(config, guarded_url) as first:
        first.wait_for_leadership(timeout=stage.PATIENCE)
        with LeaderElection(config, guarded_url) as second:
            stage.eventually(second.is_follower)
            first.relinquish()
            assert second.wait_for_leadership(timeout=stage.PATIENCE) is not None
            assert next(iter(observe(guarded_url, name))).candidate == second.candidate


def test_who_may_not_tell_since_when_leads_all_the_same(guarded, opened, name):
    """P7: The right to the key beside the election is asked for by nobody: without it, nobody knows since when."""
    guarded.ctl("role", "add", "bare", environment=ROOT)
    guarded.ctl("role", "grant-permission", "--prefix=true", "bare", "readwrite", f"{name}/", environment=ROOT)
    guarded.ctl("user", "add", f"bare:{SECRET}", environment=ROOT)
    guarded.ctl("user", "grant-role", "bare", "bare", environment=ROOT)
    url = f"etcd://bare:{SECRET}@127.0.0.1:{guarded.port}"
    leader, follower = (opened(url, stage.settings(60.0)).elector(name, candidate) for candidate in "ab")
    claim = leader.acquire_leadership()
    assert follower.acquire_leadership() is None
    for _ in range(2):
        assert leader.check_leadership().token == claim.token
        record = follower.observe_leadership()
        assert (record.candidate, record.since, record.candidates) == ("a", None, ("a", "b"))
    assert leader.relinquish_leadership()
    assert follower.acquire_leadership() is not None


def test_election_outside_the_rights_is_rejected(guarded_url, opened):
    """Rule 2: Permission denied is permanent, and says so."""
    with pytest.raises(BackendRejectedError, match="permission denied"):
        opened(guarded_url).elector("elsewhere/job", "a").acquire_leadership()


@pytest.mark.parametrize("user", ["app:wrong@", "nobody:wrong@", ""])
def test_wrong_or_no_password_is_rejected(guarded, opened, name, user):
    """Rule 2: A wrong password, an unknown user and no user at all are permanent."""
    with pytest.raises(BackendRejectedError):
        opened(f"etcd://{user}127.0.0.1:{guarded.port}").elector(name, "a").acquire_leadership()


def test_wrong_password_ends_the_run(guarded, name):
    """P7: A run with a wrong password ends with the cause, instead of trying for ever."""
    config = LeaderElectionConfig(name, ttl=stage.TTL, request_timeout=0.5)
    with pytest.raises(BackendRejectedError, match="authentication failed"):
        LeaderElection(config, f"etcd://app:wrong@127.0.0.1:{guarded.port}").run()


def test_token_that_expired_is_renewed(guarded_url, opened, name):
    """Item 6: A leader, a follower and an observer whose token has expired go on as if nothing had been."""
    first, second = (opened(guarded_url, stage.settings(60.0)) for _ in range(2))
    leader, follower = first.elector(name, "a"), second.elector(name, "b")
    assert leader.acquire_leadership() is not None
    assert follower.acquire_leadership() is None
    expire_tokens(first, second)
    assert leader.check_leadership() is not None
    expire_tokens(first, second)
    assert follower.acquire_leadership() is None
    expire_tokens(first, second)
    told = []
    follower.notify = lambda: told.append(True)
    assert leader.relinquish_leadership() is True
    stage.eventually(lambda: told)
    assert follower.acquire_leadership() is not None


def test_users_that_are_switched_on_end_no_term_of_who_has_one(tmp_path, name, opened):
    """P7: Who has a user asked without a token while etcd knew no users; from then on it asks with one."""
    made = stage.Etcd(tmp_path / "etcd")
    made.start()
    try:
        elector = opened(f"etcd://root:root-password@127.0.0.1:{made.port}", stage.settings(60.0)).elector(name, "a")
        claim = elector.acquire_leadership()
        made.enable_users("root-password")
        assert elector.check_leadership().token == claim.token
        assert elector.relinquish_leadership() is True
    finally:
        made.stop()


def expire_tokens(*backends) -> None:
    """Wait until the server has forgotten the tokens of *backends*, which use them for nothing meanwhile."""
    time.sleep(TOKEN_LIFE + 1.2)  # it looks once a second


def test_watch_with_an_expired_token_is_the_trap_and_news_come_all_the_same(guarded, guarded_url, opened, name):
    """Item 3: etcd refuses a watch with an expired token without an error. Another is made, with a new token."""
    backend = opened(guarded_url, stage.settings(60.0))
    first = backend.elector(f"{name}/first", "a")
    assert first.acquire_leadership() is not None  # the stream of watches is open, with the token of now
    expire_tokens(backend)
    other = opened(guarded_url, stage.settings(60.0)).elector(name, "other")
    assert other.acquire_leadership() is not None
    told = []
    second = backend.elector(name, "a")
    second.notify = lambda: told.append(True)
    assert second.acquire_leadership() is None
    if told:  # its watch was refused: the engine asks again
        assert second.acquire_leadership() is None
    time.sleep(0.5)
    if told:
        assert second.acquire_leadership() is None
        told.clear()
    other.relinquish_leadership()
    stage.eventually(lambda: told, 5.0)
    assert second.acquire_leadership() is not None


def test_rights_that_were_changed_make_old_tokens_useless(guarded, guarded_url, opened, name):
    """Item 6: Whoever changes a role makes all tokens old; a leader goes on with a new one."""
    backend = opened(guarded_url)
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    guarded.ctl("role", "add", f"role-{name.replace('/', '-')}", environment=ROOT)
    assert elector.check_leadership() is not None


def test_environment_of_etcdctl_is_read_where_the_url_is_silent(guarded, monkeypatch, tmp_path, name):
    """Item 6: etcdctl's variables serve; what the URL says wins; a file serves for the password."""
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", f"http://127.0.0.1:{guarded.port}")
    monkeypatch.setenv("ETCDCTL_USER", f"app:{SECRET}")
    for url in ("etcd", "etcd://", "etcd:///tests"):
        backend = open_backend(url, stage.settings())
        campaign(backend, name)
        backend.close()
    monkeypatch.setenv("ETCDCTL_USER", "app:wrong")
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    for url in (
        f"etcd://app:{SECRET}@127.0.0.1:{guarded.port}",
        f"etcd://app@127.0.0.1:{guarded.port}?password-file={file}",
    ):
        backend = open_backend(url, stage.settings())
        campaign(backend, name)
        backend.close()
    monkeypatch.setenv("ETCDCTL_USER", "app")
    monkeypatch.setenv("ETCDCTL_PASSWORD", SECRET)
    backend = open_backend("etcd", stage.settings())
    campaign(backend, name)
    backend.close()


def test_certificates_of_the_environment(encrypted, authority, monkeypatch, name):
    """Item 6: etcdctl's variables for certificates serve as well."""
    server = encrypted(mutual=True)
    cert, key = authority.issue("client")
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", f"https://127.0.0.1:{server.port}")
    monkeypatch.setenv("ETCDCTL_CACERT", str(authority.file))
    monkeypatch.setenv("ETCDCTL_CERT", str(cert))
    monkeypatch.setenv("ETCDCTL_KEY", str(key))
    backend = open_backend("etcd", stage.settings())
    campaign(backend, name)
    backend.close()


def test_request_and_the_login_before_it_share_one_timeout(guarded_url, opened, monkeypatch):
    """P10: What logging in has taken is gone from the request's time; so is what a try with an old token took."""
    client = opened(guarded_url).connection.client(deadline=inf)
    log_in, given = client._new_token, []

    class Refused:
        def result(self):
            error = client._library.grpc.RpcError()
            error.details = lambda: "invalid auth token"
            raise error

    class Method:
        def future(self, request, *, timeout, **_):
            given.append(timeout)
            return Refused()

    def slowly(*arguments):
        threading.Event().wait(0.2)
        return log_in(*arguments)

    monkeypatch.setattr(client, "_new_token", slowly)
    monkeypatch.setattr(client, "method", lambda _: Method())
    with pytest.raises(ElectionError):
        client.send("Range", None).result()
    first, second = given
    assert first <= client.timeout - 0.2
    assert second <= first - 0.2


# ---------------------------------------------------------------- secrets, and data of others


def test_password_and_token_show_nowhere(guarded, guarded_url, opened, name, caplog):
    """Item 6: Neither reprs, nor errors and their causes, nor logs show the password or the token."""
    caplog.set_level(logging.DEBUG)
    backend = opened(guarded_url)
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    token = backend.connection.client(deadline=inf)._token
    assert token
    errors = []
    for url in (guarded_url, f"etcd://nobody:{SECRET}@127.0.0.1:{guarded.port}"):
        try:
            opened(url).elector("elsewhere", "a").acquire_leadership()
        except BackendRejectedError as error:
            errors.append("".join(traceback.format_exception(error)))
    assert len(errors) == 2
    shown = " ".join([*errors, caplog.text, repr(backend), repr(elector), repr(backend.connection.options)])
    shown += " ".join(repr(vars(thing)) for thing in (backend, elector, backend.connection))
    assert SECRET not in shown
    assert token not in shown


def test_secret_does_not_hide_what_an_error_means():
    """P1: Whose password is `lease` learns all the same that it is gone: errors are judged as etcd wrote them."""
    said = {
        "code": lambda: SimpleNamespace(name="NOT_FOUND"),
        "details": lambda: "etcdserver: requested lease not found",
    }
    assert type(translated(SimpleNamespace(**said), "there:1", 1.0, ["lease"])) is LeaseGoneError


def test_secrets_are_not_in_a_process_list(guarded, name):
    """Item 6: `incumbent run` with a password in its environment shows it in no process's arguments."""
    environment = {**os.environ, "INCUMBENT_ELECTOR": f"etcd://app:{SECRET}@127.0.0.1:{guarded.port}"}
    command = [*stage.INCUMBENT, "run", "--name", name, "--once", "--", "ps", "-eo", "args"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60.0)
    assert "incumbent" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr


def test_hostile_candidate_is_shown_as_data(server, url, name):
    """Item 6: Bytes that are no text, and escape codes, in another's key are read as data, and printed safely."""
    lease = server.ctl("lease", "grant", "60").split()[1]
    server.ctl("put", "--lease", lease, f"{name}/{lease}", "\x1b[2Jevil\u202e")
    record = next(iter(observe(url, name)))
    assert record.candidate == "\x1b[2Jevil\u202e"
    command = [*stage.INCUMBENT, "status", "--elector", url, "--name", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60.0).stdout
    assert "evil" in shown
    assert shown.replace("\n", "").isprintable()
    assert json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)


def test_value_that_is_no_text(server, opened, name):
    """Item 6: A value that is not UTF-8 is shown with replacement characters."""
    backend = opened()
    rpc = backend.connection.rpc
    put = rpc.RequestOp(request_put=rpc.PutRequest(key=f"{name}/1".encode(), value=b"\xff\xfe"))
    backend.connection.call("Txn", rpc.TxnRequest(success=[put]))
    assert backend.elector(name, "a").observe_leadership().candidate == "\ufffd\ufffd"
