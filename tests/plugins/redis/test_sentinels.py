"""Sentinels that ask who asks: with the server's password, with one of their own, and with users."""

from __future__ import annotations

import logging

import pytest
import redis_stage as stage

from incumbent import Address, BackendRejectedError, BackendUnavailableError, ConfigurationError
from incumbent.testing import free_port
from incumbent_redis._options import Options

#: As the page on redis tells them.
RIGHTS = "-@all +sentinel|get-master-addr-by-name"
#: What each of them is configured with, beside the primary that it watches.
KINDS = {
    "open": "",
    "same": 'requirepass "pw"\n',
    "own": 'requirepass "its-own"\n',
    "users": f"user default off\nuser watcher on >its-own {RIGHTS}\n",
    "limited": f"user default on nopass -@all +ping\nuser watcher on >its-own {RIGHTS}\n",
}


@pytest.fixture(scope="module")
def primary(tmp_path_factory):
    """A server with a password, on which elections can be held."""
    with stage.running(stage.Server(tmp_path_factory.mktemp("primary"))) as made:
        stage.come_of_age(made)
        with stage.client(made) as asking:
            asking.config_set("requirepass", "pw")
        yield made


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory, primary):
    """A Sentinel of each kind, all of which watch the primary."""
    watch = f"sentinel monitor elections 127.0.0.1 {primary.port} 1\nsentinel auth-pass elections pw\n"
    made = {kind: stage.Server(tmp_path_factory.mktemp(kind), sentinel=watch + more) for kind, more in KINDS.items()}
    try:
        for sentinel in made.values():
            sentinel.start()
        yield made
    finally:
        for sentinel in made.values():
            sentinel.stop()


@pytest.fixture
def own(tmp_path):
    """The options for a Sentinel with a password of its own."""
    file = tmp_path / "sentinel-password"
    file.write_text("its-own\n")
    return f"&sentinel-password-file={file}"


def behind(sentinel, options="", user=":pw@"):
    return f"redis://{'default' if user else ''}{user}127.0.0.1:{sentinel.port}?sentinel=elections{options}"


@pytest.mark.parametrize("kind", ["open", "same"])
def test_sentinel_is_shown_the_servers_password_if_it_asks(kind, sentinels, name, opened):
    """P7: a Sentinel with the server's password, and one without any, need nothing in the URL but that password."""
    assert opened(behind(sentinels[kind])).elector(name, "a").acquire_leadership() is not None


@pytest.mark.parametrize(
    ("kind", "user"),
    [("open", ""), ("own", ""), ("users", "&sentinel-user=watcher"), ("limited", "&sentinel-user=watcher")],
)
def test_sentinel_has_a_password_of_its_own(kind, user, sentinels, own, name, opened):
    """P7: a Sentinel's own password, and user, are for the Sentinel alone, and shown only to one that asks."""
    assert opened(behind(sentinels[kind], own + user)).elector(name, "a").acquire_leadership() is not None


@pytest.mark.parametrize(
    ("kind", "user", "told"),
    [
        ("same", "", "asks for a password: give sentinel-password-file=FILE"),
        ("own", ":pw@", "wrong for this Sentinel.*give sentinel-password-file=FILE"),
        ("limited", ":pw@", "wrong for this Sentinel.*sentinel-user=NAME"),
    ],
)
def test_sentinel_that_cannot_be_asked_says_what_it_needs(kind, user, told, sentinels, name, opened):
    """Rule 2: what a Sentinel refuses is told as the Sentinel's, with the option that is missing, and no secret."""
    with pytest.raises(BackendRejectedError, match=f"^redis Sentinel 127.*{told}") as caught:
        opened(behind(sentinels[kind], user=user)).elector(name, "a").acquire_leadership()
    assert "pw" not in str(caught.value)


def test_sentinels_password_is_not_shown(sentinels, tmp_path, name, opened, caplog):
    """Rule 2: neither the options, nor the log, an error with its causes or the doctor shows a Sentinel's password."""
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "sentinel-password"
    file.write_text("S3CR3T\n")
    url = behind(sentinels["own"], f"&sentinel-password-file={file}")
    backend = opened(url)
    shown = [repr(Options.of(Address.parse(url))), repr(backend), *map(str, backend.diagnose())]
    with pytest.raises(BackendRejectedError) as caught:
        backend.elector(name, "a").acquire_leadership()
    error = caught.value
    while error is not None:
        shown.append(repr(error))
        error = error.__cause__
    assert "S3CR3T" not in "\n".join([*shown, caplog.text])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("sentinel-user=watcher", "sentinel-user and sentinel-password-file are for Sentinels"),
        ("sentinel=x&sentinel-user=watcher", "sentinel-user needs option sentinel-password-file"),
        ("sentinel=x&sentinel-password-file=", "sentinel-password-file is empty"),
        ("sentinel=x&sentinel-password-file=/nowhere", "cannot be read"),
        ("sentinel=x&sentinel-user=&sentinel-password-file={file}", "sentinel-user"),
    ],
)
def test_half_of_what_a_sentinel_needs_is_one_line(options, text, tmp_path):
    """Rule 2: an option of Sentinels that lacks its other half is refused when the URL is read."""
    file = tmp_path / "password"
    file.write_text("its-own\n")
    with pytest.raises(ConfigurationError, match=text):
        Options.of(Address.parse(f"redis://127.0.0.1?{options}".replace("{file}", str(file))), {})


def test_sentinels_password_is_not_sent_in_plain_text(tmp_path):
    """Rule 2: a password of the Sentinels alone, to another host and unencrypted, is refused as the server's is."""
    file = tmp_path / "password"
    file.write_text("its-own\n")
    url = f"redis://10.0.0.1?sentinel=x&sentinel-password-file={file}"
    with pytest.raises(ConfigurationError, match=r"10.0.0.1:26379 unencrypted"):
        Options.of(Address.parse(url), {})
    Options.of(Address.parse(f"{url}&insecure=yes"), {})


def test_primary_that_a_sentinel_tells_gets_no_password_in_plain_text(name, opened):
    """Rule 2: a Sentinel on this machine does not have a primary elsewhere get the password unencrypted."""
    told = b"*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n"
    with stage.Puppet(b"+OK\r\n", more={b"SENTINEL": told}) as puppet:
        where = f"redis://default:pw@127.0.0.1:{puppet.port}?sentinel=elections"
        with pytest.raises(BackendRejectedError, match=r"192.0.2.1:6379 unencrypted"):
            opened(where).elector(name, "a").acquire_leadership()


def test_address_that_a_sentinel_tells_is_told_as_such(name, opened):
    """Rule 2: a Sentinel may tell an address that is of no use here: the message says where it comes from."""
    port = str(free_port()).encode()
    told = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(port), port)
    with stage.Puppet(b"+OK\r\n", more={b"SENTINEL": told}) as puppet:
        elector = opened(f"redis://127.0.0.1:{puppet.port}?sentinel=elections").elector(name, "a")
        with pytest.raises(BackendUnavailableError, match=r"\(as a Sentinel tells\): connection refused"):
            elector.acquire_leadership()


def test_server_that_is_no_sentinel_is_told(server, name, opened):
    """Rule 2: option sentinel with the hosts of servers is a mistake that says so."""
    where = stage.url(server, "?sentinel=elections")
    with pytest.raises(BackendRejectedError, match="is no Sentinel"):
        opened(where).elector(name, "a").acquire_leadership()
