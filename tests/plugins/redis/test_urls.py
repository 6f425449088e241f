"""The URLs that people have for Redis or Valkey: each leads to the same elector, encrypted if its name says so."""

from __future__ import annotations

import pytest
import redis_stage as stage
from certificates import Authority
from places import short_folder

from incumbent import Address, BackendUnavailableError, ConfigurationError
from incumbent.testing import free_port
from incumbent_redis._options import Options

ALL_CLEAR = ("redis", "valkey")
ENCRYPTED = ("rediss", "valkeys")


def options(url):
    return Options.of(Address.parse(url), {})


@pytest.fixture(scope="module")
def reachable(tmp_path_factory):
    """One server with a password, and the URLs that lead to it: plain, encrypted, and by a Unix socket."""
    folder = tmp_path_factory.mktemp("reachable")
    authority, port = Authority(folder / "ca"), free_port()
    cert, key = authority.issue("server")
    files = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.file))
    with short_folder() as sockets:
        path = sockets / "redis.sock"
        arguments = (*files, "--tls-auth-clients", "no", "--tls-port", str(port), "--unixsocket", str(path))
        with stage.running(stage.Server(folder / "server", arguments=arguments)) as server:
            stage.come_of_age(server)
            with stage.client(server) as asking:
                asking.config_set("requirepass", "pw")
            yield {
                **{scheme: f"{scheme}://:pw@127.0.0.1:{server.port}" for scheme in ALL_CLEAR},
                **{scheme: f"{scheme}://:pw@127.0.0.1:{port}?ca={authority.file}" for scheme in ENCRYPTED},
                "redis+unix": f"redis+unix://:pw@{path}",
            }


def test_every_name_leads_to_the_same_election(reachable, name, opened):
    """P1: redis, rediss, valkey, valkeys and a Unix socket are ways to one election, with a password and no user."""
    electors = {scheme: opened(url).elector(name, scheme) for scheme, url in reachable.items()}
    token = 0
    for scheme, leader in electors.items():
        claim = stage.lead(leader)
        assert claim.token > token, scheme
        token = claim.token
        for other in electors.values():
            assert other is leader or other.acquire_leadership() is None
        assert leader.relinquish_leadership()


def test_server_that_does_not_speak_tls_is_told(server, name, opened):
    """Rule 2: a server without TLS is silent, as if it were frozen: the message says what the reason may be."""
    where, brief = f"rediss://:pw@127.0.0.1:{server.port}", stage.settings(request_timeout=1.0)
    with pytest.raises(BackendUnavailableError, match=r"not answered within 1 s; .*not speak TLS"):
        opened(where, brief).elector(name, "a").acquire_leadership()


@pytest.mark.parametrize("scheme", ENCRYPTED)
def test_encrypted_scheme_is_encrypted(scheme, reachable, name, opened):
    """Rule 2: a URL that says TLS is not without it by any option, and accepts no certificate of a stranger."""
    with pytest.raises(BackendUnavailableError, match="TLS: the server's certificate is not accepted"):
        opened(reachable[scheme].partition("?")[0]).elector(name, "a").acquire_leadership()
    with pytest.raises(ConfigurationError, match=f"tls=no makes no sense with {scheme}://"):
        options(f"{scheme}://h?tls=no")
    assert options(f"{scheme}://:pw@10.0.0.1").security.is_on
    assert options(f"{scheme}://h?tls=yes").security.is_on


@pytest.mark.parametrize("scheme", ALL_CLEAR)
def test_password_without_a_user_is_the_default_users(scheme):
    """Rule 2: `:password@` is a password as any other: never shown, and not sent to another host in plain text."""
    read = options(f"{scheme}://:s3cr3t@127.0.0.1")
    assert (read.user.name, read.user.password.reveal()) == (None, "s3cr3t")
    assert "s3cr3t" not in repr(read)
    with pytest.raises(ConfigurationError, match="unencrypted: write rediss://") as caught:
        options(f"{scheme}://:s3cr3t@10.0.0.1")
    assert "s3cr3t" not in str(caught.value)


def test_server_behind_a_socket_that_is_not_there_is_an_outage(name, opened):
    """P7: a socket that is missing, or that nobody serves, may be served yet; the message names it."""
    with short_folder() as folder:
        path = folder / "redis.sock"
    with pytest.raises(BackendUnavailableError, match=f"redis {path}: No such file or directory"):
        opened(f"redis+unix://{path}").elector(name, "a").acquire_leadership()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis+unix://", "must be that of a Unix socket"),
        ("redis+unix:///", "must be that of a Unix socket"),
        ("redis+unix://run/redis.sock", "host run: a Unix socket has none: write redis.unix:///path, with three"),
        (f"redis+unix:///{'x' * 107}", "of 107 bytes at most"),
        ("redis+unix:///run/redis.sock?sentinel=x", "option sentinel makes no sense with a Unix socket"),
        ("redis+unix:///run/redis.sock?tls=no", "option tls makes no sense with a Unix socket"),
        ("redis+unix:///run/redis.sock?ca=/nowhere", "option ca makes no sense with a Unix socket"),
        ("redis+unix:///run/redis.sock?db=x", "option db 'x': must be the number of a database"),
        ("redis:///run/redis.sock", "a Unix socket is redis.unix:///path"),
        ("redis://h/1?db=1", "option db: the URL's path names the database already"),
        ("redis://h?db=", "option db '': must be the number"),
        ("redis://h?db=-1", "option db '-1': must be the number"),
    ],
)
def test_address_that_cannot_be_is_one_line(url, text):
    """Rule 2: what is wrong with where a URL leads is said in one line."""
    with pytest.raises(ConfigurationError, match=text) as caught:
        options(url)
    assert len(str(caught.value).splitlines()) == 1


def test_path_of_a_socket_is_no_host():
    """Rule 2: the path of a Unix socket in the place of a host, as other stores' URLs have it, is told how to write."""
    with pytest.raises(ConfigurationError, match=r"host '/run/redis.sock': write a Unix socket as redis.unix:///path"):
        Options.of(Address("redis", (("/run/redis.sock", None),)), {})


def test_database_is_named_as_redis_py_does():
    """The number of a database is the path, or the option db, where the path is a socket's or there is none."""
    urls = ("redis://h", "redis://h/2", "redis://h?db=2", "redis+unix:///run/redis.sock", "redis+unix:///s?db=2")
    assert [options(url).db for url in urls] == [0, 2, 2, 0, 2]
    assert [str(place) for place in options("redis+unix:///run/a%20b").endpoints] == ["/run/a b"]
