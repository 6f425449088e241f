"""TLS, tokens and rights; and secrets, which show nowhere."""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import traceback
import uuid
from contextlib import suppress

import consul_stage as stage
import pytest
from certificates import Authority
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from incumbent import (
    Address,
    BackendRejectedError,
    BackendSettings,
    BackendUnavailableError,
    ConfigurationError,
    LeaderElection,
    open_backend,
)
from incumbent.testing import free_port
from incumbent_consul.testing import ConsulServer, consul_program

MASTER = str(uuid.uuid4())
#: What the certificates of Consul's servers bear as a rule.
SERVER_NAME = "server.dc1.consul"
#: What a campaign needs, and no more: the README says the same.
LEAST = 'key_prefix "elections/" { policy = "write" }\nsession_prefix "" { policy = "write" }'


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that allows nothing to who shows no token."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": MASTER, "agent": MASTER}}
    made = ConsulServer({"acl": acl}, tmp_path_factory.mktemp("strict"))
    made.token = MASTER
    made.start()
    yield made
    made.stop()


def token(server, rules: str) -> str:
    """Have the server make a token with *rules*."""
    policy = server.ask("PUT", "/v1/acl/policy", {"Name": f"p-{uuid.uuid4()}", "Rules": rules})
    return server.ask("PUT", "/v1/acl/token", {"Policies": [{"ID": policy["ID"]}]})["SecretID"]


def test_least_policy_is_enough(strict, name, tmp_path, opened):
    """The policy that the documentation names is enough to lead, wait, observe, hand over and leave."""
    path = tmp_path / "token"
    path.write_text(token(strict, LEAST) + "\n")
    url = stage.url(strict, path="/elections", token_file=str(path))
    with LeaderElection(stage.config(name), url) as leader:
        leader.wait_for_leadership(timeout=stage.PATIENCE)
        follower = opened(url).elector(name, "follower")
        assert follower.acquire_leadership() is None
        assert follower.observe_leadership().candidates == (leader.candidate, "follower")
        leader.close()
        assert stage.lead(follower)
    follower.close()
    assert strict.ask("GET", f"/v1/kv/elections/{name}?recurse") is None


def test_who_may_not_tell_since_when_leads_all_the_same(strict, name, opened):
    """P7: A policy that names the lock alone is enough as well: then nobody knows since when it is held."""
    keys = f'key "elections/{name}/.lock" {{ policy = "write" }}\nkey_prefix "elections/{name}/.queue/"'
    rules = f'{keys} {{ policy = "write" }}\nsession_prefix "" {{ policy = "write" }}'
    url = stage.url(strict, path="/elections", token=token(strict, rules))
    leader, follower = (opened(url, stage.settings(30.0)).elector(name, candidate) for candidate in "ab")
    for _ in range(2):
        assert stage.lead(leader)
        assert follower.acquire_leadership() is None
        record = follower.observe_leadership()
        assert (record.candidate, record.since, record.candidates) == ("a", None, ("a", "b"))
        assert leader.relinquish_leadership()
    assert stage.lead(follower)


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ('session_prefix "" { policy = "write" }', "key_prefix"),
        ('session_prefix "" { policy = "write" }\nkey_prefix "elections/" { policy = "read" }', "key_prefix"),
        ('key_prefix "elections/" { policy = "write" }', "session_prefix"),
    ],
)
def test_missing_right_is_named(strict, name, opened, rules, missing):
    """Rule 2: What is missing is refused for good, in one line that names the right."""
    elector = opened(stage.url(strict, path="/elections", token=token(strict, rules))).elector(name, "a")
    with pytest.raises(BackendRejectedError, match=missing) as caught:
        elector.acquire_leadership()
    assert len(str(caught.value).splitlines()) == 1


def test_least_policy_of_a_check(strict, name, opened):
    """`consul+check` needs to write its agent's node as well; that is named where it is missing."""
    where = f"consul+check://{strict}/elections?token="
    node = 'node_prefix "" { policy = "write" }'
    backend = opened(where + token(strict, f"{LEAST}\n{node}"), stage.settings(30.0))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    assert elector.check_leadership() is not None
    backend.close()
    assert [check for check in strict.ask("GET", "/v1/agent/checks") if "incumbent" in check] == []
    with pytest.raises(BackendRejectedError, match="node_prefix"):
        opened(where + token(strict, LEAST), stage.settings(30.0)).elector(name, "a").acquire_leadership()


def test_deleted_token_ends_the_run(strict, name):
    """P7: A leader whose token is deleted ends with the cause, and is no leader then."""
    secret = token(strict, LEAST)
    url = stage.url(strict, path="/elections", token=secret)
    election = LeaderElection(stage.config(name), url)
    election.start()
    term = election.wait_for_leadership(timeout=stage.PATIENCE)
    for known in strict.ask("GET", "/v1/acl/tokens"):
        if strict.ask("GET", f"/v1/acl/token/{known['AccessorID']}")["SecretID"] == secret:
            strict.ask("DELETE", f"/v1/acl/token/{known['AccessorID']}")
    assert term.wait(timeout=stage.PATIENCE)
    assert not election.is_leader()
    with pytest.raises(BackendRejectedError) as caught:
        election.wait_for_leadership(timeout=stage.PATIENCE)
    assert secret not in str(caught.value)
    election.close()


def test_token_file_is_read_again(strict, name, tmp_path, opened):
    """A token that is renewed in its file is used from the next request on."""
    path = tmp_path / "token"
    path.write_text(token(strict, LEAST))
    elector = opened(stage.url(strict, path="/elections", token_file=str(path))).elector(name, "a")
    assert elector.acquire_leadership() is not None
    path.write_text("revoked-and-wrong")
    with pytest.raises(BackendRejectedError):
        elector.check_leadership()
    path.write_text(token(strict, LEAST))
    assert elector.check_leadership() is not None
    path.unlink()
    with pytest.raises(BackendRejectedError, match="token file"):
        elector.check_leadership()
    path.write_text(MASTER)


def test_secrets_show_nowhere(strict, server, name, caplog):
    """P8: Neither an error nor its causes, a repr, a log line, or the query of a request shows the token."""
    caplog.set_level(logging.DEBUG)
    secret = token(strict, LEAST)
    for target in (strict, "127.0.0.1:1"):
        url = stage.url(target, path="/forbidden", token=secret)
        backend = open_backend(url, stage.settings(request_timeout=0.5))
        elector = backend.elector(name, "a")
        with pytest.raises((BackendRejectedError, BackendUnavailableError)) as caught:
            elector.acquire_leadership()
        error = caught.value
        shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        shown += f"{backend!r} {elector!r} {backend.told!r} {backend.client!r} {vars(backend)!r} {vars(elector)!r}"
        assert secret not in shown
        backend.close()
    assert secret not in caplog.text


def test_token_travels_in_a_header_only(server, name, opened):
    """P8: No request line holds the token, also none about sessions, which python-consul sends without it."""
    secret = str(uuid.uuid4())
    sent = bytearray()
    with stage.Tap(server) as tap:
        tap.also = sent.extend
        backend = opened(stage.url(tap, token=secret))
        elector = backend.elector(name, "a")
        elector.acquire_leadership()
        elector.check_leadership()
        backend.close()
    lines = bytes(sent).split(b"\r\n")
    requests = [line for line in lines if b" HTTP/1.1" in line]
    assert len(requests) >= 5
    assert not [line for line in requests if secret.encode() in line]
    assert len([line for line in lines if line == f"X-Consul-Token: {secret}".encode()]) == len(requests)


def test_token_of_a_process_is_not_in_its_arguments(strict, name, tmp_path):
    """P8: With token-file, or CONSUL_HTTP_TOKEN, the list of processes shows no token."""
    secret = token(strict, LEAST)
    command = [*stage.INCUMBENT, "run", "--name", name, "--ttl", "3", "--once"]
    work = ["--", sys.executable, "-c", "import os; print(open(f'/proc/{os.getppid()}/cmdline').read())"]
    done = subprocess.run(
        [*command, "--elector", stage.url(strict, path="/elections"), *work],
        env={**os.environ, "CONSUL_HTTP_TOKEN": secret},
        capture_output=True,
        text=True,
        check=False,
        timeout=stage.PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert name in done.stdout
    assert secret not in done.stdout + done.stderr


# ---------------------------------------------------------------- what a URL may say


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("consul://somebody@127.0.0.1", "no users"),
        ("consul://127.0.0.1?token=a%20b", "printable"),
        ("consul://127.0.0.1?token=a&token-file=/etc/passwd", "either"),
        ("consul://127.0.0.1?token-file=/nowhere/token", "no file"),
        ("consul://10.0.0.1?token=abc", "unencrypted"),
        ("consul://127.0.0.1?ca=/nowhere/ca.pem", "cannot be read"),
        ("consul://127.0.0.1?cert=/etc/passwd", "needs option key too"),
        ("consul://127.0.0.1?ca=/etc/passwd&tls=no", "makes no sense with tls=no"),
        ("consul://127.0.0.1?tls=maybe", "yes or no"),
        ("consul://127.0.0.1?lock-delay=61", "from 1 to 60"),
        ("consul://127.0.0.1?lock-delay=-1", "from 1 to 60"),
        ("consul://127.0.0.1?lock-delay=soon", "number"),
        ("consul://127.0.0.1?lock-delay=nan", "number"),
        ("consul://127.0.0.1?session-ttl-min=0", "number"),
        ("consul://127.0.0.1/../kv", "segment"),
        ("consul://127.0.0.1/a/.queue", "segment"),
        ("consul://%2Frun%2Fconsul.sock:8500", "Unix socket alone"),
        (f"consul://%2F{'x' * 107}", "107 bytes at most"),
        ("consul://%2F", "Unix socket"),
    ],
)
def test_wrong_urls_are_refused(url, rule):
    """Contract: One line names the option and the rule, and shows no secret."""
    with pytest.raises(ConfigurationError, match=rule) as caught:
        open_backend(url, BackendSettings(15.0, 2.0))
    assert len(str(caught.value).splitlines()) == 1
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("ttl", [9.9, 60.1])
def test_ttl_that_consul_does_not_grant_is_refused(ttl):
    """Contract: The range is that of servers as they are by default."""
    with pytest.raises(ConfigurationError, match="10 to 60 s"):
        open_backend("consul://127.0.0.1", BackendSettings(ttl, 2.0))


@pytest.mark.parametrize("lock_id", ["", "/a", "a//b", "a/../b", "a/.", "a/.lock", ".queue/b", "a\nb", "x" * 500])
def test_lock_ids_that_are_no_keys_are_refused(opened, lock_id):
    """Contract: A name that Consul's paths or our own keys would change is refused."""
    with pytest.raises(ConfigurationError) as caught:
        opened("consul://127.0.0.1?session-ttl-min=2").elector(lock_id, "a")
    assert len(str(caught.value).splitlines()) == 1


def test_plain_text_can_be_allowed(opened):
    """A token over plain HTTP to another host is possible when it is asked for."""
    opened("consul://10.0.0.1?token=abc&insecure=yes&session-ttl-min=2")


# ---------------------------------------------------------------- the environment


def told(url: str, **variables: str):
    with stage.environment(**variables):
        return open_backend(url, BackendSettings(15.0, 2.0)).told


def test_environment_fills_what_the_url_leaves_out(tmp_path):
    """Consul's usual variables are used where the URL says nothing."""
    path = tmp_path / "file"
    path.write_text("secret-of-the-file")
    ca = str(Authority(tmp_path / "ca").file)
    said = told("consul://", CONSUL_HTTP_ADDR="https://10.1.2.3:8501", CONSUL_HTTP_TOKEN="secret", CONSUL_CACERT=ca)
    (endpoint,) = said.endpoints
    assert (str(endpoint), endpoint.tls.is_on, endpoint.tls.ca, said.token()) == ("10.1.2.3:8501", True, ca, "secret")
    assert told("consul://", CONSUL_HTTP_TOKEN_FILE=str(path)).token() == "secret-of-the-file"
    assert str(told("consul://").endpoints[0]) == "127.0.0.1:8500"
    for text in ("[::1]:1", "http://[::1]:1/"):
        assert str(told("consul://", CONSUL_HTTP_ADDR=text).endpoints[0]) == "[::1]:1"
    said = told("consul://", CONSUL_HTTP_ADDR="unix:///run/consul.sock", CONSUL_HTTP_TOKEN="secret")
    assert str(said.endpoints[0]) == "/run/consul.sock"


@pytest.mark.parametrize(
    "text",
    [
        *("unix://", "unix:///", "unix://run/consul.sock", f"unix:///{'x' * 107}", "unix:/x", "%2Fx"),
        *("ftp://a", "a/path", "http://a/path", "http://somebody@a", "http://a?x=1", "a,b", "http://", "://a b", "::1"),
    ],
)
def test_address_of_the_environment_that_is_none(text):
    """Contract: One line names the variable."""
    with pytest.raises(ConfigurationError, match=r"^CONSUL_HTTP_ADDR") as caught:
        told("consul://", CONSUL_HTTP_ADDR=text)
    assert len(str(caught.value).splitlines()) == 1


def test_long_path_is_shown_with_its_end():
    """Contract: what does not fit into a message is left out in the middle: a path's end says which file it is."""
    with pytest.raises(ConfigurationError, match=r"there is no file /run/x+…x+/token$"):
        told(f"consul://?token-file=/run/{'x' * 300}/token")


def test_url_wins_over_the_environment(server, name, opened, tmp_path):
    """What the URL says is used, whatever Consul's variables and those of proxies say; the library would not."""
    path = tmp_path / "token"
    path.write_text("of-the-url")
    said = told(
        f"consul://127.0.0.1:{server.port}?tls=no&token-file={path}",
        CONSUL_HTTP_ADDR="10.1.2.3:1",
        CONSUL_HTTP_SSL="true",
        CONSUL_HTTP_TOKEN="of-the-environment",
    )
    assert (str(said.endpoints[0]), said.endpoints[0].tls.is_on, said.token()) == (str(server), False, "of-the-url")
    nowhere = "http://127.0.0.1:1"
    with stage.environment(
        CONSUL_HTTP_ADDR=nowhere, http_proxy=nowhere, https_proxy=nowhere, ALL_PROXY=nowhere, HTTP_PROXY=nowhere
    ):
        assert opened(stage.url(server)).elector(name, "a").acquire_leadership() is not None


@pytest.mark.parametrize("text", ["no name", "a/b", "a,b", "/", "somebody@a", "é", "a:0"])
def test_name_of_the_servers_that_is_none(text):
    """Contract: One line names the variable."""
    with pytest.raises(ConfigurationError, match=r"^CONSUL_TLS_SERVER_NAME: ") as caught:
        told("consul://127.0.0.1?tls=yes", CONSUL_TLS_SERVER_NAME=text)
    assert len(str(caught.value).splitlines()) == 1


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def team(authority, tmp_path_factory):
    """An authority that the other one has signed; it is all that a team has of it."""
    return Authority(tmp_path_factory.mktemp("team"), "team", authority, identifiers=False)


@pytest.fixture(scope="module")
def secure(authority, tmp_path_factory):
    """A server that speaks HTTPS only, and asks clients for a certificate."""
    cert, key = authority.issue("server", hosts=("127.0.0.1", "localhost"))
    made = secured(tmp_path_factory.mktemp("secure"), authority, cert, key, verify_incoming_https=True)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def named(authority, team, tmp_path_factory):
    """A server that speaks HTTPS, and shows a certificate for its name in Consul, not for its host."""
    made = secured(tmp_path_factory.mktemp("named"), authority, *team.issue("named", hosts=(SERVER_NAME,)))
    made.start()
    yield made
    made.stop()


def secured(directory, authority, cert, key, **configuration) -> ConsulServer:
    files = {"ca_file": str(authority.file), "cert_file": str(cert), "key_file": str(key)}
    return ConsulServer({"ports": {"https": free_port()}, **files, **configuration}, directory)


def where(server) -> str:
    return f"127.0.0.1:{server.configuration['ports']['https']}"


def test_mutual_tls(secure, authority, name, opened):
    """With the authority's, and the client's certificate and key, elections go over TLS."""
    cert, key = authority.issue("client")
    backend = opened(stage.url(where(secure), ca=str(authority.file), cert=str(cert), key=str(key)))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    assert elector.check_leadership() is not None
    assert elector.relinquish_leadership() is True


def unavailable(opened, url: str, name: str) -> str:
    with pytest.raises(BackendUnavailableError) as caught:
        opened(url).elector(name, "a").acquire_leadership()
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_wrong_certificates_are_told_apart(secure, authority, name, opened, tmp_path):
    """An unknown authority, no client's certificate, plain HTTP: each is refused, with a text that says what it is."""
    cert, key = authority.issue("client")
    stranger = Authority(tmp_path)
    mine = {"cert": str(cert), "key": str(key)}
    assert "certificate" in unavailable(opened, stage.url(where(secure), ca=str(stranger.file), **mine), name)
    assert "certificate" in unavailable(opened, stage.url(where(secure), tls="yes", **mine), name)
    assert "TLS" in unavailable(opened, stage.url(where(secure), ca=str(authority.file)), name)
    assert "TLS" in unavailable(opened, stage.url(secure, ca=str(authority.file)), name)
    with pytest.raises((BackendRejectedError, BackendUnavailableError), match=r"HTTP|reset|closed"):
        opened(stage.url(where(secure))).elector(name, "a").acquire_leadership()


def test_authority_may_be_an_intermediate(named, team, name, opened):
    """As for `consul kv`, every certificate in `ca` is trusted by itself, of whatever form it is, on every Python."""
    with stage.environment(CONSUL_TLS_SERVER_NAME=SERVER_NAME):
        assert tool_connects(named, team)
        elector = opened(stage.url(where(named), ca=str(team.file))).elector(name, "a")
        assert elector.acquire_leadership() is not None
    with stage.environment(CONSUL_TLS_SERVER_NAME=SERVER_NAME, CONSUL_CACERT=str(team.file)):
        assert opened(stage.url(where(named), tls="yes")).elector(name, "b").acquire_leadership() is None


def test_name_of_the_servers_can_be_said(named, authority, team, name, opened):
    """As for `consul kv`, the servers' certificate must bear `CONSUL_TLS_SERVER_NAME` if that is set, else the host."""
    url = stage.url(where(named), ca=str(team.file))
    assert not tool_connects(named, team)
    assert re.search("certificate.*(mismatch|not valid for)", unavailable(opened, url, name))
    with stage.environment(CONSUL_TLS_SERVER_NAME="server.dc2.consul"):
        assert not tool_connects(named, team)
        assert re.search("certificate.*(mismatch|not valid for)", unavailable(opened, url, name))
    with stage.environment(CONSUL_TLS_SERVER_NAME=f"{SERVER_NAME}:8501"):
        assert tool_connects(named, team)
        assert opened(url).elector(name, "a").acquire_leadership() is not None


def tool_connects(server, authority: Authority) -> bool:
    """Tell whether Consul's own tool accepts the server's certificate."""
    asked = ["kv", "get", "-keys", f"-http-addr=https://{where(server)}", f"-ca-file={authority.file}", ""]
    done = subprocess.run([consul_program(), *asked], capture_output=True, check=False, timeout=stage.PATIENCE)
    return done.returncode == 0


@pytest.mark.parametrize(
    ("values", "text"),
    [({"hosts": ("example.org",)}, "mismatch|not valid for"), ({"days": -1}, "expired")],
)
def test_servers_certificate_that_is_wrong(authority, name, opened, tmp_path, values, text):
    """A server's certificate for another host, or one that has expired, is refused, with a text that says so."""
    cert, key = authority.issue("wrong", **{"hosts": ("127.0.0.1",), **values})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        url = stage.url(f"127.0.0.1:{listener.getsockname()[1]}", ca=str(authority.file))
        assert re.search(text, unavailable(opened, url, name))
        thread.join()


def test_tls_file_that_is_none(opened, server, name, tmp_path):
    """A file that is no certificate is refused with its name: at once, and for good if it has become one since."""
    path = tmp_path / "ca.pem"
    path.write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"option ca=.*ca\.pem"):
        opened(stage.url(server, ca=str(path)))
    path.write_bytes(Authority(tmp_path).file.read_bytes())
    elector = opened(stage.url(server, ca=str(path))).elector(name, "a")
    path.write_text("nonsense")
    with pytest.raises(BackendRejectedError, match=r"ca\.pem"):
        elector.acquire_leadership()


def test_encrypted_key_is_named(authority):
    """A key that only a passphrase opens is refused, and the text says so."""
    cert, key = authority.issue("encrypted")
    opened = load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(opened.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(ConfigurationError, match="the key is encrypted"):
        told(f"consul://127.0.0.1?cert={cert}&key={key}")


# ---------------------------------------------------------------- what others write


def test_what_others_write_is_data(server, name, opened):
    """Another candidate's id may hold anything; it is read, and shown, as text: a second line is what it tells."""
    session = stage.new_session(server)
    stage.put(server, f"{name}/.lock?flags={stage.FLAGS}&acquire={session}")
    server.ask("PUT", f"/v1/kv/{name}/.lock?flags={stage.FLAGS}&acquire={session}", b"\xff\x1b[31m$(reboot)\n{}")
    record = opened().elector(name, "watcher").observe_leadership()
    assert (record.candidate, record.info) == ("\ufffd\x1b[31m$(reboot)", "{}")


def test_address_hides_the_token():
    """P8: The URL that is shown hides it too."""
    assert "abc" not in repr(Address.parse("consul://127.0.0.1?token=abc"))
