"""URLs as people have them, from libpq's own page and from those who sell databases: each is read as libpq reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import postgres_stage as stage
import pytest
from oneline import assert_one_line

from incumbent import Address, ConfigurationError, open_backend
from incumbent_postgres._options import Options

#: None of this is about time.
PATIENT = stage.settings(60.0)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://postgres@127.0.0.1:{port}/postgres",
        "postgresql://postgres@127.0.0.1:{port}/postgres?connect_timeout=10&target_session_attrs=read-write",
        "postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=prefer&channel_binding=prefer&gssencmode=disable",
        "postgresql://127.0.0.1:{port}?user=postgres&dbname=postgres&client_encoding=utf8&target_session_attrs=any",
        "postgres://postgres@127.0.0.1/postgres?port={port}&keepalives_idle=30&tcp_user_timeout=30000",
        "postgresql:///postgres?host=127.0.0.1&port={port}&user=postgres",
        "postgresql://postgres@/postgres?host={folder},127.0.0.1&port={port}",
        "postgresql://postgres@{socket}:{port}/postgres",
        "postgresql://postgres@{socket}:{port},127.0.0.1:{port}/postgres",
        "postgresql:///postgres?host={folder}&port={port}&user=postgres",
        "postgresql://postgres@127.0.0.1:{port}/postgres?schema=public",
    ],
)
def test_url_leads(server, text, name):
    """Each URL that libpq would connect with leads, in one election with the others."""
    folder = str(server.folder)
    backend = open_backend(text.format(port=server.port, folder=folder, socket=quote(folder, safe="")), PATIENT)
    try:
        assert backend.elector(name, "a").acquire_leadership() is not None
    finally:
        backend.close()


def test_what_a_url_sets_reaches_the_server(server, name):
    """The application's name and settings are those of the URL; what decides who leads cannot be set."""
    options = "?application_name=reports&options=-c%20statement_timeout%3D9s%20-csynchronous_commit%3Doff"
    backend = open_backend(server.url + options, PATIENT)
    stage.lead(backend.elector(name, "a"))
    shown = [backend.pool.run(f"SHOW {what}")[0][0][0] for what in ("application_name", "statement_timeout")]
    assert shown == ["reports", "9s"]
    (commit,) = backend.pool.run(f"{backend.store.layout._preamble} SHOW synchronous_commit")[-1][0]
    assert commit == "on"
    backend.close()


def test_socket_of_a_url_is_shown_as_it_was_given():
    """A path in the place of a host is percent-encoded again, so that what is shown can be used."""
    text = "postgresql://app@%2Fvar%2Frun%2Fpostgresql:5433/shop"
    assert Address.parse(text).hosts == (("/var/run/postgresql", 5433),)
    assert str(Address.parse(text)) == text
    assert Options.of(Address.parse(text)).shown({"host": "/var/run/postgresql"}) == "/var/run/postgresql"


@pytest.mark.parametrize(
    "text", ["postgresql://h/db?user=app&password=S3CRET", "postgresql://app:S3CRET@h/db?sslmode=require"]
)
def test_password_of_an_option_is_one(text):
    """A password is the same whether it stands before the host or behind it, and is shown in neither place."""
    address = Address.parse(text)
    options = Options.of(address)
    assert options.parameters(options.hosts[0])["password"] == "S3CRET"
    assert "S3CRET" not in f"{address}{address!r}{options!r}{open_backend(address, PATIENT)!r}"


def test_ssl_means_what_libpq_takes_it_for():
    """`ssl=true`, as other drivers write it, demands encryption; anything else there is refused, and nothing weaker."""
    assert Options.of(Address.parse("postgresql://h/db?ssl=true")).common["sslmode"] == "require"
    for wrong in ("ssl=false", "ssl=true&sslmode=verify-full", "ssl=no-verify"):
        with pytest.raises(ConfigurationError, match="sslmode"):
            open_backend(f"postgresql://h/db?{wrong}", PATIENT)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("target_session_attrs=standby", "elections need a server that takes writes"),
        ("target_session_attrs=writable", "must be one of read-write, primary, any"),
        ("connect_timeout=5s", "a whole number, without a unit"),
        ("channel_binding=yes", "must be one of disable, prefer, require"),
        ("client_encoding=latin1", "must be one of UTF8"),
        ("user=other", "the URL has a user already"),
        ("dbname=other", "the URL has a path already"),
        ("host=other", "the URL has a host already"),
        ("port=5433,5434,5435", "3 ports for 2 hosts"),
        ("port=x", "port 'x': must be a number"),
        ("application_name=", "is empty"),
        ("application_nam=x", "did you mean 'application_name'?"),
    ],
)
def test_what_a_url_contradicts_is_told(query, said):
    """What libpq would not take, or would overrule in silence, is refused when the backend is made."""
    with pytest.raises(ConfigurationError) as caught:
        open_backend(f"postgresql://app@one,two/db?{query}", PATIENT)
    assert said in assert_one_line(caught.value)


@pytest.mark.parametrize("port", ["1,2", "x", "0", "1/", "1?a=b"])
def test_port_without_a_host_is_checked_too(port):
    """For the default host too, a port is one number."""
    with pytest.raises(ConfigurationError) as caught:
        open_backend(f"postgres:///db?port={quote(port, safe='')}", PATIENT)
    assert "port" in assert_one_line(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "a_b", "[::1]:1", "%2Ftmp:5", "/tmp,h", ",", "h,h", "@x"])
def test_any_host_of_an_option_is_read_or_refused_in_one_line(host):
    """Hosts of an option keep the rules of those before the path."""
    try:
        open_backend(f"postgres:///db?host={quote(host, safe='')}", PATIENT)
    except ConfigurationError as error:
        assert_one_line(error)


def test_timeout_of_connections_is_that_of_the_url(server, victim, name):
    """A host that is silent costs what `connect_timeout` says, and the same request goes on to the next one."""
    victim.freeze()
    url = f"postgresql://postgres@127.0.0.1:{victim.port},127.0.0.1:{server.port}/postgres?connect_timeout=1"
    backend = open_backend(url, PATIENT)
    assert backend.elector(name, "a").acquire_leadership() is not None
    backend.close()


def test_password_file_that_others_may_read_is_refused(tmp_path):
    """Such a file is ignored by libpq, which says that no password was supplied."""
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:app:secret\n")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="give it mode 600"):
        open_backend(f"postgres://app@h/db?passfile={file}", PATIENT)
    file.chmod(0o600)
    open_backend(f"postgres://app@h/db?passfile={file}", PATIENT)


def test_missing_libpq_is_told_in_one_line():
    """Where psycopg has no libpq, what to install is said by the first command that needs it."""
    program = Path(sys.executable).with_name("incumbent")
    environment = {**os.environ, "PSYCOPG_IMPL": "c"}  # which is not installed
    done = subprocess.run(
        [program, "status", "--elector", "postgres://h/db", "--name", "x"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=stage.PATIENCE,
    )
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "pip install 'psycopg[binary]'" in line
