"""Who may connect and write, what is encrypted, and that no secret is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import certificates
import postgres_stage as stage
import pytest

from incumbent import BackendRejectedError, BackendUnavailableError, ConfigurationError, open_backend
from incumbent.testing import free_port

PASSWORD = "s3cr3t-of-the-test"
#: None of this is about time.
PATIENT = stage.settings(60.0)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stage.Postgres]:
    """A server that asks `app` for a password, admits `app` only, and speaks TLS to who wants."""
    authority = certificates.Authority(tmp_path_factory.mktemp("tls"))
    made = stage.Postgres(
        hba=["host all app 127.0.0.1/32 scram-sha-256", "host all stranger 127.0.0.1/32 reject"],
        sql=[f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", "CREATE ROLE stranger LOGIN", "CREATE ROLE other LOGIN"],
        tls=authority.issue("server", hosts=("localhost",)),
    )
    made.authority = authority.file
    made.start()
    yield made
    made.stop()


def refused(url: str, kind: type[Exception] = BackendRejectedError) -> str:
    """Return what an attempt to lead is refused with."""
    backend = open_backend(url, PATIENT)
    try:
        with pytest.raises(kind) as caught:
            backend.elector("reports", "a").acquire_leadership()
    finally:
        backend.close()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert PASSWORD not in message
    return message


def at(
    server: stage.Postgres, user: str, *, host: str = "127.0.0.1", database: str = "postgres", options: str = ""
) -> str:
    return f"postgres://{user}@{host}:{server.port}/{database}{options}"


def test_wrong_password_is_permanent(guarded):
    """Rule 2: A wrong password, none, an unknown user, an unknown database and a line of pg_hba.conf end the run."""
    assert "password authentication failed" in refused(at(guarded, "app:wrong"))
    assert "no password supplied" in refused(at(guarded, "app"))
    assert "does not exist" in refused(at(guarded, "nobody-knows"))
    assert "does not exist" in refused(at(guarded, "postgres", database="nowhere"))
    assert "pg_hba.conf" in refused(at(guarded, "stranger"))


def test_one_host_that_refuses_is_not_the_end(guarded, server):
    """P7: As long as another host may let us in, a refusal is not permanent, and if one does, it is used."""
    url = f"postgres://app:wrong@127.0.0.1:{guarded.port},127.0.0.1:{{port}}/postgres"
    refused(url.format(port=free_port()), BackendUnavailableError)
    server.sql("CREATE ROLE app LOGIN SUPERUSER")
    backend = open_backend(url.format(port=server.port), PATIENT)
    assert backend.elector("reports", "a").acquire_leadership() is not None
    backend.close()


def test_password_comes_from_url_environment_or_file(guarded, monkeypatch, tmp_path):
    """Contract: libpq's own ways to a password work, and that of the URL wins."""
    guarded.sql("CREATE SCHEMA IF NOT EXISTS incumbent AUTHORIZATION app")
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"*:*:*:app:{PASSWORD}\n")
    passfile.chmod(0o600)
    urls = [at(guarded, f"app:{PASSWORD}"), at(guarded, "app", options=f"?passfile={passfile}"), at(guarded, "app")]
    for url in urls:
        if url is urls[-1]:
            monkeypatch.setenv("PGPASSWORD", PASSWORD)
        backend = open_backend(url, PATIENT)
        assert PASSWORD not in repr(backend)
        assert backend.elector("reports", "a").acquire_leadership() is not None, url
        backend.close()


@pytest.mark.parametrize("schema", ["elections", 'it"s; DROP', "Ünï"])
def test_missing_rights_are_told_with_the_remedy(guarded, schema):
    """Rule 2: Who may not make the schema, or write the tables, is told what is to be run; and that then suffices."""
    from urllib.parse import quote

    url = at(guarded, f"app:{PASSWORD}", options=f"?schema={quote(schema, safe='')}")
    remedy = refused(url).partition(" run ")[2]
    assert remedy.startswith("CREATE SCHEMA")
    guarded.sql(remedy)
    backend = open_backend(url, PATIENT)
    assert backend.elector("reports", "a").acquire_leadership() is not None
    other = at(guarded, "other", options=f"?schema={quote(schema, safe='')}")
    remedy = refused(other).partition(" run ")[2]
    assert remedy.startswith("GRANT USAGE")
    guarded.sql(remedy)
    second = open_backend(other, PATIENT)
    assert second.elector("reports", "b").acquire_leadership() is None
    assert second.elector("reports/more", "b").acquire_leadership() is not None
    second.close()
    backend.close()


def test_encryption_is_checked(guarded, server):
    """P1: verify-full accepts the server whose certificate is signed by the file, and no other; require needs TLS."""
    certificate = guarded.authority
    good = f"?sslmode=verify-full&sslrootcert={certificate}"
    backend = open_backend(at(guarded, "postgres", host="localhost", options=good), PATIENT)
    stage.lead(backend.elector("tls", "a"))
    assert backend.pool._idle[0].is_encrypted
    backend.close()
    assert "SSL" in refused(at(server, "postgres", options="?sslmode=require"), BackendUnavailableError)
    stranger = certificates.Authority(certificate.parent / "stranger").file
    bad = f"?sslmode=verify-full&sslrootcert={stranger}"
    for host, options in (("localhost", bad), ("127.0.0.1", good)):
        assert "certificate" in refused(at(guarded, "postgres", host=host, options=options), BackendUnavailableError)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres://h/db?sslmode=yes", "must be one of"),
        ("postgres://h/db?sslmode=", "is empty"),
        ("postgres://h/db?sslrootcert=/nowhere", "cannot be read: No such file"),
        ("postgres://h/db?sslcert=/etc/hostname", "needs option sslkey"),
        ("postgres://h/a/b", "name of one database"),
        ("postgres://h/db?host=/run", "leave one of them out"),
        (f"postgres://h/db?schema={'x' * 64}", "63 bytes"),
        ("postgres://h/db?schemas=x", "did you mean 'schema'"),
    ],
)
def test_bad_urls_are_refused_in_one_line(url, said):
    """Contract: What is wrong with a URL is known when the backend is made, and told with what to do."""
    with pytest.raises(ConfigurationError) as caught:
        open_backend(url, PATIENT)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_unix_socket(server, name):
    """Contract: The option host names the directory of the server's Unix socket."""
    url = f"postgres://postgres@/postgres?host={server.folder}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPORT", str(server.port))
        backend = open_backend(url, PATIENT)
        assert backend.elector(name, "a").acquire_leadership() is not None
        backend.close()


def test_doctor_tells_what_it_sees(server, guarded):
    """Contract: The doctor names versions, server, tables; and what is wrong as an error with a remedy."""
    backend = open_backend(server.url, PATIENT)
    found = list(backend.diagnose())
    backend.close()
    told = " ".join(finding.text for finding in found)
    for sign in ("psycopg", "libpq", "PostgreSQL", "takes writes", "fsync is off", "schema 'incumbent'"):
        assert sign in told
    bad = open_backend(f"postgres://app:wrong@127.0.0.1:{guarded.port}/postgres", PATIENT)
    errors = [finding for finding in bad.diagnose() if finding.level == "error"]
    bad.close()
    assert errors
    assert all(finding.remedy for finding in errors)
    assert not re.search("wrong", str(errors))
