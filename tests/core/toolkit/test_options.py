"""What electors show of what others wrote, and which hosts are this machine."""

from __future__ import annotations

import pytest

from incumbent import ConfigurationError, Endpoint, is_loopback, one_line, read_file, read_line, read_switch


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_loopback(host):
    """What is sent to one of its own addresses stays here."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "::2", "localhost.example", "0.0.0.0", "", "[::1]"])
def test_every_other_host_is_not_loopback(host):
    """Whatever is not known to stay here may leave: a password is to be encrypted then."""
    assert not is_loopback(host)


def test_text_of_others_becomes_one_clean_line():
    """Line ends are spaces, and what is not printable is a question mark."""
    assert one_line(" no\r\n\tsuch \x1b[31mthing\n") == "no such ?[31mthing"


def test_secrets_are_not_shown():
    """Every secret that is given is hidden wherever it stands; none, and an empty one, hide nothing."""
    assert one_line("a pass b word pass", "pass", "word", None, "") == "a *** b *** ***"


def test_a_secret_is_hidden_before_the_text_is_cut():
    """No part of a secret is left at the end of a line that was cut, and the line is as long as it may be."""
    assert one_line("x" * 8 + "S3CR3T", "S3CR3T", longest=10) == "x" * 8 + "**"


def test_the_file_of_an_option_is_read(tmp_path):
    """A regular file's content is returned as it is."""
    (tmp_path / "file").write_bytes(b"\xff\n")
    assert read_file("toy", "ca", str(tmp_path / "file")) == b"\xff\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "toy: option ca is empty: give the path of a file, or leave the option out"),
        ("/no/such", "toy: option ca='/no/such': cannot be read: No such file or directory"),
        ("/dev/null", "toy: option ca='/dev/null': is not a file"),
        ("/", "toy: option ca='/': is not a file"),
        ("a\0b", "toy: option ca='a\\x00b': cannot be read: not a path"),
    ],
)
def test_what_is_no_file_is_refused_in_one_line(path, message):
    """The refusal names option, value and rule, whatever the value is."""
    with pytest.raises(ConfigurationError) as caught:
        read_file("toy", "ca", path)
    assert str(caught.value) == message


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    """No more than 1 MiB is read."""
    (tmp_path / "file").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(ConfigurationError, match="is longer than 1048576 bytes"):
        read_file("toy", "ca", str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("content", "line"), [(b"s3cret", "s3cret"), (b"s3cret\r\nother\n", "s3cret"), ("pässword\n".encode(), "pässword")]
)
def test_first_line_of_a_file_is_read(tmp_path, content, line):
    """A password is the first line, without its end."""
    (tmp_path / "file").write_bytes(content)
    assert read_line("toy", "password-file", str(tmp_path / "file")) == line


@pytest.mark.parametrize(
    ("content", "rule"), [(b"", "is empty"), (b"\ns3cret\n", "is empty"), (b"s3cret\xff", "UTF-8")]
)
def test_first_line_that_is_none_is_refused_unseen(tmp_path, content, rule):
    """Rule 2: The refusal names the option and the file, and shows nothing of what is in it."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"toy: option password-file=.*file'.*{rule}") as caught:
        read_line("toy", "password-file", str(tmp_path / "file"))
    assert "s3cret" not in str(caught.value)


def test_switch_is_yes_or_no_or_not_given():
    """Nothing else is either."""
    assert [read_switch("toy", "tls", value) for value in ("yes", "no", None)] == [True, False, None]
    for value in ("", "true", "YES"):
        with pytest.raises(ConfigurationError, match=f"toy: option tls='{value}': must be yes or no"):
            read_switch("toy", "tls", value)


@pytest.mark.parametrize(("host", "shown"), [("::1", "[::1]:6379"), ("localhost", "localhost:6379")])
def test_endpoint_is_shown_as_it_is_written(host, shown):
    """An IPv6 address has its brackets, and is known to be this machine without them."""
    assert str(Endpoint(host, 6379)) == shown
    assert Endpoint(host, 6379).is_loopback


def test_path_is_no_endpoint():
    """An elector that connects to hosts refuses the path of a Unix socket; it does not look it up as a name."""
    with pytest.raises(ConfigurationError, match="not a path"):
        Endpoint("/run/store.sock", 6379)
