"""URLs, users, rights and encryption, and what the doctor says of them."""

from __future__ import annotations

import pytest
import redis_stage as stage
from certificates import Authority

from incumbent import Address, BackendRejectedError, BackendUnavailableError, ConfigurationError
from incumbent_redis._options import Options

#: As the page on redis tells it.
RIGHTS = (
    "~{incumbent}* &{incumbent}:* -@all +eval +evalsha +info +time +hmget +hset +del +exists "
    "+publish +pubsub|numsub +subscribe +unsubscribe +ping +select +wait"
)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://a,b", "several hosts"),
        ("redis://a?sentinel=", "sentinel"),
        ("redis://a/x", "must be the number of a database"),
        ("redis://a/-1", "must be the number of a database"),
        ("redis://a/1/2", "must be the number of a database"),
        ("redis://a?prefix=", "prefix"),
        ("redis://a?prefix=%7Bx%7D", "no brace"),
        ("redis://a?replicas=many", "replicas"),
        ("redis://a?replicas=101", "from 0 to 100"),
        ("redis://a?tls=perhaps", "must be yes or no"),
        ("redis://a?ca=", "is empty"),
        ("redis://a?ca=/nowhere", "cannot be read"),
        ("redis://a?ca=/dev/null", "is not a file"),
        ("redis://a?tls=no&ca={file}", "makes no sense"),
        ("redis://a?ca={file}", "cannot be used"),
        ("redis://a?cert={file}", "needs option key"),
        ("redis://a?key={file}", "needs option cert"),
        ("redis://a?cert={file}&key={file}", "cannot be used"),
        ("redis://u@a", "has no password"),
        ("redis://u:secret@a?password-file={file}", "already"),
        ("redis://127.0.0.1?password-file={empty}", "first line is empty"),
        ("redis://u:secret@a", "unencrypted"),
        ("redis://u:secret@127.0.0.1,b?sentinel=x", "unencrypted"),
    ],
)
def test_bad_url_is_one_line(url, text, tmp_path):
    """Rule 2: what is wrong with a URL is said in one line that names the part and shows no secret."""
    file, empty = tmp_path / "file", tmp_path / "empty"
    file.write_text("nothing\n")
    empty.write_text("\n")
    with pytest.raises(ConfigurationError, match=text) as caught:
        Options.of(Address.parse(url.replace("{file}", str(file)).replace("{empty}", str(empty))), {})
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)


def test_what_is_silent_has_a_default(tmp_path):
    """The URL wins over the environment; without hosts it is this machine; Sentinels have their own port."""
    options = Options.of(Address.parse("redis://"), {"REDISCLI_AUTH": "secret"})
    assert [str(endpoint) for endpoint in options.endpoints] == ["127.0.0.1:6379"]
    assert (options.db, options.prefix, options.replicas, options.user.name) == (0, "incumbent", 0, None)
    assert options.user.password.reveal() == "secret"
    assert "secret" not in repr(options)
    file = tmp_path / "password"
    file.write_text("other\n")
    options = Options.of(Address.parse(f"redis://[::1]/3?sentinel=x&password-file={file}"), {"REDISCLI_AUTH": "secret"})
    assert [str(endpoint) for endpoint in options.endpoints] == ["[::1]:26379"]
    assert (options.db, options.user.password.reveal()) == (3, "other")


def test_documented_rights_are_enough_and_needed(server, name, opened):
    """A user with the rights that the page lists lives a whole life; without one of them the refusal is permanent."""
    with stage.client(server) as asking:
        asking.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *RIGHTS.split())
        where = f"redis://app:secret@127.0.0.1:{server.port}/0?replicas=0"
        a, b = opened(where).elector(name, "a"), opened(where).elector(name, "b")
        stage.lead(a)
        assert b.acquire_leadership() is None
        assert b.observe_leadership().candidate == "a"
        assert a.check_leadership() is not None
        stage.eventually(lambda: asking.pubsub_numsub(f"{{incumbent}}:{name}")[0][1] == 2)
        a.close()
        stage.lead(b)
        b.close()
        asking.execute_command("ACL", "SETUSER", "app", "-hset")
        with pytest.raises(BackendRejectedError, match="permission"):
            opened(where).elector(name, "a").acquire_leadership()
        with pytest.raises(BackendRejectedError, match="user or password is wrong") as caught:
            opened(where.replace("secret", "t0p")).elector(name, "a").acquire_leadership()
        assert "t0p" not in repr(caught.value)
        asking.execute_command("ACL", "DELUSER", "app")


def test_password_that_the_server_lacks_is_refused(server, name, opened, monkeypatch):
    """Rule 2: a password for a server without one, and none for a server with one, are told apart."""
    monkeypatch.setenv("REDISCLI_AUTH", "secret")
    with pytest.raises(BackendRejectedError, match="has no password"):
        opened().elector(name, "a").acquire_leadership()
    monkeypatch.delenv("REDISCLI_AUTH")
    with stage.client(server) as asking:
        asking.config_set("requirepass", "secret")
        try:
            with pytest.raises(BackendRejectedError, match="asks for a password"):
                opened().elector(name, "a").acquire_leadership()
        finally:
            asking.config_set("requirepass", "")


def test_databases_and_prefixes_keep_elections_apart(server, name, opened):
    """P1: the same name in another database, or below another prefix, is another election."""
    where = [stage.url(server, end) for end in ("", "/1", "?prefix=team")]
    electors = [opened(one, stage.SHORT).elector(name, "a") for one in where]
    assert all(stage.lead(elector) for elector in electors)
    with pytest.raises(BackendRejectedError, match="no database of that number"):
        opened(stage.url(server, "/99"), stage.SHORT).elector(name, "a").acquire_leadership()


def test_encrypted_server(tmp_path, name, opened):
    """With ca, cert and key a server is verified, and verifies us; nothing else is accepted."""
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs", "stranger")
    (cert, key), (own_cert, own_key) = authority.issue("server"), authority.issue("client")
    arguments = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.file))
    server = stage.Server(tmp_path / "server", arguments=arguments, tls=True)
    server.start()
    try:
        good = f"?ca={authority.file}&cert={own_cert}&key={own_key}"
        a, b = (opened(stage.url(server, good), stage.SHORT).elector(name, who) for who in "ab")
        stage.lead(a)
        assert b.acquire_leadership() is None
        told = []
        b.notify = lambda: told.append(1)
        assert a.relinquish_leadership()
        stage.eventually(lambda: told)
        for options, text in ((f"?ca={stranger.file}", "not accepted"), ("", "closed the connection|reset")):
            with pytest.raises(BackendUnavailableError, match=text) as caught:
                opened(stage.url(server, options), stage.SHORT).elector(name, "a").acquire_leadership()
            assert "\n" not in str(caught.value)
    finally:
        server.stop()


def test_authority_that_is_an_intermediate_needs_the_one_above(tmp_path, name, opened):
    """As for redis-cli, `ca` must hold the root, and certificates may be of any form: the same on every Python."""
    root = Authority(tmp_path / "ca", "root")
    team = Authority(tmp_path / "ca", "team", root, identifiers=False)
    cert, key = team.issue("server")
    both = tmp_path / "both.pem"
    both.write_text(team.file.read_text() + root.file.read_text())
    arguments = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(both))
    server = stage.Server(tmp_path / "server", arguments=(*arguments, "--tls-auth-clients", "no"), tls=True)
    with stage.running(server):
        stage.lead(opened(stage.url(server, f"?ca={both}"), stage.SHORT).elector(name, "a"))
        with pytest.raises(BackendUnavailableError, match="not accepted"):
            opened(stage.url(server, f"?ca={team.file}"), stage.SHORT).elector(name, "b").acquire_leadership()


def test_doctor_says_what_it_finds(server, opened):
    """The doctor tells the versions, how a claim is kept, and what a divided network would do; nothing is an error."""
    findings = list(opened().diagnose())
    text = "\n".join(finding.text for finding in findings)
    assert "redis-py" in text
    assert "Redis 7" in text or "Redis 8" in text or "Redis 6" in text
    assert "appendonly" in text
    assert {finding.level for finding in findings} == {"ok"}
    lonely = {finding.level for finding in opened(stage.url(server, "?replicas=1")).diagnose()}
    assert "error" in lonely


def test_doctor_waits_for_a_young_server(tmp_path, opened):
    """The doctor waits until a new server elects somebody, and warns that it forgets everything."""
    server = stage.Server(tmp_path, persistent=False)
    server.start()
    try:
        backend = opened(stage.url(server), stage.SHORT)
        findings = list(backend.diagnose())
        assert any("waiting" in finding.text for finding in findings)
        assert any("a restart forgets" in finding.text and finding.level == "warning" for finding in findings)
        assert backend.elector("doctor", "a").acquire_leadership() is not None
    finally:
        server.stop()


def test_doctor_says_what_keeps_it_from_the_server(server, opened):
    """The doctor's findings about a server that cannot be used are errors with a remedy, never exceptions."""
    for where in ("redis://127.0.0.1:1", f"redis://nobody:wrong@127.0.0.1:{server.port}"):
        last = list(opened(where).diagnose())[-1]
        assert (last.level, bool(last.remedy)) == ("error", True)
