"""The URL that names an elector: its forms, its refusals, and that no secret of it is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oneline import assert_one_line, refusal

from incumbent import Address, ConfigurationError
from incumbent.address import LONGEST, Secret, check_options, nearest, printable, shorten

CANARY = "S3CR3Tcanary"


def refused(text) -> str:
    return refusal(Address.parse, text)


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", Address("local")),
        ("LOCAL://", Address("local")),
        ("local://", Address("local")),
        ("local:///", Address("local", path="/")),
        ("local:///var/lib/x", Address("local", path="/var/lib/x")),
        ("memory://name", Address("memory", (("name", None),))),
        ("etcd://10.0.0.1:2379", Address("etcd", (("10.0.0.1", 2379),))),
        ("etcd://h/", Address("etcd", (("h", None),), "/")),
        ("etcd://a:1,b,c.example:65535", Address("etcd", (("a", 1), ("b", None), ("c.example", 65535)))),
        ("etcd://[::1]", Address("etcd", (("::1", None),))),
        ("etcd://[::1]:2379,[2001:DB8:0::1]", Address("etcd", (("::1", 2379), ("2001:db8::1", None)))),
        ("x://%2Frun%2Fdb,%2frun:5433/y", Address("x", (("/run/db", None), ("/run", 5433)), "/y")),
        ("etcd://[fe80::1%25eth0]:2379", Address("etcd", (("fe80::1%eth0", 2379),))),
        ("etcd://[fe80::1%eth0]", Address("etcd", (("fe80::1%eth0", None),))),
        ("consul://my_host-1.example./x", Address("consul", (("my_host-1.example.", None),), "/x")),
        ("a+b.c-d_e://h", Address("a+b.c-d_e", (("h", None),))),
        ("x://h?a=1&b=", Address("x", (("h", None),), options={"a": "1", "b": ""})),
        ("x://h?a=b=c", Address("x", (("h", None),), options={"a": "b=c"})),
        ("x://?a=1", Address("x", options={"a": "1"})),
        ("x://h?", Address("x", (("h", None),))),
        ("x://h?a%20b=%26%3D%3F%23%2F%40", Address("x", (("h", None),), options={"a b": "&=?#/@"})),
        ("x:///a%2Fb%20c%40%C3%A9", Address("x", path="/a/b c@é")),
        ("x://u@h", Address("x", (("h", None),), username="u")),
        ("x://u:@h", Address("x", (("h", None),), username="u", password=Secret(""))),
        ("x://u:p%40%3A%2F%3F%23%25@h", Address("x", (("h", None),), username="u", password=Secret("p@:/?#%"))),
        ("x://u%3A:a:b@h", Address("x", (("h", None),), username="u:", password=Secret("a:b"))),
        ("x://u:p@", Address("x", username="u", password=Secret("p"))),
        ("x://:p@h", Address("x", (("h", None),), username="", password=Secret("p"))),
        ("x://:p@/run/x.sock", Address("x", (), "/run/x.sock", username="", password=Secret("p"))),
        ("x://h:00080", Address("x", (("h", 80),))),
    ],
)
def test_every_form_is_understood(text, expected):
    """`scheme://[user:password@]host[:port][,host…][/path][?option=value]`, decoded, scheme in lower case."""
    assert Address.parse(text) == expected
    assert hash(Address.parse(text)) == hash(expected)


@pytest.mark.parametrize("field", ["scheme", "hosts", "path", "options", "username", "password"])
def test_an_address_is_immutable(field):
    """No field can be set; not even the mapping of the options can be changed."""
    address = Address.parse("x://u:p@h/p?a=1")
    with pytest.raises(AttributeError):
        setattr(address, field, None)
    with pytest.raises(TypeError):
        address.options["a"] = "2"


def test_a_scope_is_shown_as_it_is_written():
    """What an address shows can be used again: the `%` before a scope is encoded (RFC 6874)."""
    address = Address.parse("etcd://[fe80::1%25eth0]:2379,[fe80::2%252]")
    assert str(address) == "etcd://[fe80::1%25eth0]:2379,[fe80::2%252]"
    assert Address.parse(str(address)) == address


def test_addresses_that_differ_are_not_equal():
    """Backends are shared by address, so each part of it counts; the order of options does not."""
    texts = ["x://h", "y://h", "x://h:1", "x://h/p", "x://h?a=1", "x://h?a=2", "x://u@h", "x://u:p@h", "x://u:q@h"]
    assert len({Address.parse(text) for text in texts}) == len(texts)
    assert Address.parse("x://h?a=1&b=2") == Address.parse("x://h?b=2&a=1")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "elector is empty: give a URL such as local://"),
        (None, "must be a URL or the name of an elector, not NoneType"),
        (5, "not int"),
        (True, "not bool"),
        (b"local://", "not bytes"),
        (["local"], "not list"),
        ("x" * (LONGEST + 1), f"at most {LONGEST} are allowed"),
        ("x://" + "h" * 10_000, "at most"),
        ("x://h\0", "only printable ASCII"),
        ("x://h\n", "only printable ASCII"),
        ("x://h\x1b[31m", "only printable ASCII"),
        ("x://h h", "only printable ASCII"),
        (" x://h", "only printable ASCII"),
        ("x://h\x7f", "only printable ASCII"),
        ("x://hé", "only printable ASCII"),
        ("x://\u0665", "only printable ASCII"),
        ("x://\ud800", "only printable ASCII"),
        ("://h", "not a URL"),
        ("1x://h", "not a URL"),
        ("x y", "only printable ASCII"),
        ("x:y", "not a URL"),
        ("x:/y", "not a URL"),
        ("h:2379", "not a URL"),
        ("/var/lib", "not a URL"),
        ("../x", "not a URL"),
        ("local?x=1", "not a URL"),
        ("x://h#frag", "must be written %23"),
        ("x://h:", "port '': must be a number from 1 to 65535"),
        ("x://h:0", "port '0': must be a number from 1 to 65535"),
        ("x://h:65536", "port '65536': must be a number from 1 to 65535"),
        ("x://h:-1", "port '-1': must be a number"),
        ("x://h:1e3", "port '1e3': must be a number"),
        ("x://h:nan", "port 'nan': must be a number"),
        ("x://h:999999999999999999999", "must be a number"),
        ("x://h:80;rm", "port '80;rm': must be a number"),
        ("x://h:1:2", "port '1:2': must be a number"),
        ("x://::1", "with an IPv6 address in brackets"),
        ("x://[::1", "with an IPv6 address in brackets"),
        ("x://::1]", "with an IPv6 address in brackets"),
        ("x://[]", "not an IPv6 address"),
        ("x://[1.2.3.4]", "not an IPv6 address"),
        ("x://[::g]", "not an IPv6 address"),
        ("x://[fe80::1%25]", "not an IPv6 address"),
        ("x://[::1]x", "write host[:port]"),
        ("x://[::1]:x", "port 'x'"),
        ("x://h,", "write host[:port]"),
        ("x://,h", "write host[:port]"),
        ("x://a,,b", "write host[:port]"),
        ("x://:80", "write host[:port]"),
        ("x://-h", "only letters, digits"),
        ("x://h-", "only letters, digits"),
        ("x://.", "only letters, digits"),
        ("x://%41", "only letters, digits"),
        ("x://h%2Fx", "only letters, digits"),
        ("x://%2Fx%zz", "host: a '%' must be followed"),
        ("x://%2Fx%00", "host: control characters"),
        ("x://h&a=1", "only letters, digits"),
        ("x://h,h", "host h is given twice"),
        ("x://h:1,g,h:1", "host h:1 is given twice"),
        ("x://[::1]:1,[0::1]:1", "host [::1]:1 is given twice"),
        ("x:///a%zz", "path: a '%' must be followed by two hexadecimal digits"),
        ("x:///a%", "path: a '%'"),
        ("x:///%00", "path: control characters are not allowed"),
        ("x:///%0a", "path: control characters are not allowed"),
        ("x:///%ff", "path: what is percent-encoded is not UTF-8"),
        ("x:///%ed%a0%80", "path: what is percent-encoded is not UTF-8"),
        ("x://@h", "a user name must stand before the '@'"),
        ("x://:@h", "a user name must stand before the '@'"),
        ("x://u%@h", "user: a '%'"),
        ("x://u%00@h", "user: control characters"),
        ("x://u:%ff@h", "password: what is percent-encoded is not UTF-8"),
        ("x://u:%1b@h", "password: control characters"),
        ("x://h?a", "option 1: write name=value"),
        ("x://h?a=1&b", "option 2: write name=value"),
        ("x://h?a=1&", "option 2: write name=value"),
        ("x://h?=1", "option 1: write name=value"),
        ("x://h?&", "option 1: write name=value"),
        ("x://h?a=1&a=2", "option 'a' is given twice"),
        ("x://h?a=1&%61=1", "option 'a' is given twice"),
        ("x://h?a=%zz", "option 'a': a '%'"),
        ("x://h?a=%0d", "option 'a': control characters"),
        ("x://h?%00=1", "an option's name: control characters"),
        ("x://h/a@b", "must be written %40"),
        ("x://h?a=b@c", "must be written %40"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_bad_url_is_refused(text, rule):
    """One line that says which part is wrong, with its value unless that may be a secret, and the rule."""
    message = refused(text)
    assert message.startswith("elector ")
    assert rule in message


def test_an_unknown_option_is_refused_with_the_nearest():
    """The option, the nearest known one, and all known ones; with nothing near, no guess."""
    allowed = {"timeout": "…", "namespace": "…"}
    check_options(Address.parse("etcd://h?timeout=1"), allowed)
    assert refusal(check_options, Address.parse("etcd://h?timout=1"), allowed) == (
        "etcd: unknown option 'timout', did you mean 'timeout'? (its options: namespace, timeout)"
    )
    assert refusal(check_options, Address.parse("etcd://h?zzz=1"), allowed) == (
        "etcd: unknown option 'zzz' (its options: namespace, timeout)"
    )
    assert refusal(check_options, Address.parse("local://?zzz=1"), {}) == (
        "local: unknown option 'zzz' (its options: none)"
    )
    assert len(refusal(check_options, Address.parse(f"x://h?{'z' * 8000}=1"), allowed)) < 200


def test_less_security_is_not_proposed():
    """`secure` is near to `insecure` in letters only; who wrote that a little wrong is helped."""
    allowed = {"insecure": "…", "tls": "…"}
    for name in ("secure", "secur", "unsecure"):
        assert "did you mean" not in refusal(check_options, Address.parse(f"x://h?{name}=yes"), allowed)
    assert "did you mean 'insecure'?" in refusal(check_options, Address.parse("x://h?insecur=yes"), allowed)


# ---------------------------------------------------------------- secrets


def test_a_secret_shows_itself_only_when_asked():
    """`repr`, `str` and formatting hide it, `reveal` does not; it compares and hashes by its text."""
    secret = Secret(CANARY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>20}",
        repr([secret]),
    ):
        assert CANARY not in shown
    assert secret.reveal() == CANARY
    assert (secret == Secret(CANARY), hash(secret) == hash(Secret(CANARY))) == (True, True)
    assert secret not in (Secret("other"), CANARY)


@pytest.mark.parametrize(
    "name", ["token", "acl_token", "password", "Secret", "client-secret", "PASSWORD", "passwd", "passphrase"]
)
def test_an_address_shows_no_secret(name):
    """A password, and the value of an option whose name says that it is secret, are shown as ***."""
    address = Address.parse(f"x://user:{CANARY}@h:1/p?a=1&{name}={CANARY}")
    for shown in (str(address), repr(address), f"{address}", repr([address])):
        assert CANARY not in shown
    assert str(address) == f"x://user:***@h:1/p?a=1&{name}=***"
    assert (address.password.reveal(), address.options[name]) == (CANARY, CANARY)
    assert str(Address.parse(f"x://:{CANARY}@h")) == "x://:***@h"


@pytest.mark.parametrize(
    "text",
    [
        "x://user:{}@h h",
        "x://user:{}@h:port",
        "x://user:{}@h#",
        "x://user:{}@h?a",
        "x://user:{}%@h",
        "x://user:{}%00@h",
        "x://user:{}%ff@h",
        "x://user:{}é@h",
        "x://:{}@h:port",
        "x://user:a@{}@h:0",
        "user:{}@h",
        "x:user:{}@h",
        "x:/user:{}@h",
        "//user:{}@h",
        "user:{}@h://",
        "x:/user:{}@h?next=http://h",
        # What should have been percent-encoded in the password.
        "x://user:{}/x@h",
        "x://user:{}?x@h",
        "x://user:{}#x@h",
        "x://user:80/{}@h",
        "x://user:80?a={}@h",
        "x://user:/{}@h",
        "x://user:a,{}/@h",
        "x://user:[{}/@h",
        # Options without their question mark or equals sign.
        "x://h?token:{}",
        "x://h?{}",
        "x://h?a=1&token%00={}",
        "x://h?token={}&token={}",
        "x://h?token={}%zz",
        "x://h?token={}%00",
        "x://h#?token={}",
        "x://h:x?token={}",
        "1x://h?token={}",
        "x://h?token={}" + "x" * LONGEST,
    ],
)
def test_a_refusal_shows_no_secret(text):
    """Wherever the mistake is, the message shows neither what stands before an '@' nor what stands behind a '?'."""
    assert CANARY not in refused(text.format(CANARY, CANARY))


# ---------------------------------------------------------------- what is shown of anything


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "'a'"),
        ("é\n", r"'\xe9\n'"),
        (10**5000, "(4155 characters)"),
        (-(10**5000), "(4156 characters)"),
        ("x" * 100, "… (102 characters)"),
        (None, "None"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_is_shown_shortened(value, shown):
    """At most about 60 printable characters, whatever it is."""
    assert shown in shorten(value)
    assert shorten(value).isprintable()
    assert len(shorten(value)) <= 70


def test_nearest_guesses_only_what_is_near():
    """A near name is offered, a far one is not, and long input costs nothing."""
    assert nearest("lokal", ["local", "memory"]) == ", did you mean 'local'?"
    assert nearest("zzz", ["local", "memory"]) == ""
    assert nearest("x" * 100_000, ["local"]) == ""


@given(st.text(st.characters()))
def test_printable_leaves_what_is_printable(text):
    """Printable text stays as it is; anything else becomes printable."""
    assert printable(text).isprintable()
    assert not text.isprintable() or printable(text) == text


# ---------------------------------------------------------------- properties

words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)
hosts = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?\Z", fullmatch=True).filter(str.isascii),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=4).map(str),
    words.map("/{}".format),  # the path of a Unix socket
)
addresses = st.builds(
    Address,
    st.from_regex(r"[a-z][a-z0-9_+.-]{0,8}", fullmatch=True).filter(str.isascii),
    st.lists(st.tuples(hosts, st.none() | st.integers(1, 65535)), unique=True, max_size=4).map(tuple),
    st.one_of(st.just(""), words.map("/{}".format)),
    st.dictionaries(st.sampled_from(["a", "b c", "ü&", "x=y", "%"]), words),
    st.none() | words.filter(bool),
)


@given(addresses)
def test_an_address_survives_being_shown(address):
    """What `str` shows of an address without secrets parses to the same address."""
    assert Address.parse(str(address)) == address


@given(addresses, words.filter(bool))
def test_an_address_with_a_password_survives_but_for_it(address, password):
    """The password is hidden in what is shown, and the rest is as it was."""
    user = address.username or ""
    whole = Address(address.scheme, address.hosts, address.path, address.options, user, Secret(password))
    again = Address.parse(str(whole))
    assert again.password == Secret("***")
    assert (again.hosts, again.path, again.username) == (whole.hosts, whole.path, whole.username)


pieces = st.lists(
    st.sampled_from([*":/?#@[]%&=,.", "://", "%40", "%00", "x", "80", "::1", "h", "\n", "é", "\ud800", " "]), max_size=8
).map("".join)


@given(st.one_of(st.text(st.characters()), pieces, pieces.map("etcd://h{}".format), pieces.map("etcd://{}".format)))
@example("x://" + "[" * 1000)
def test_any_text_is_an_address_or_one_line(text):
    """Whatever is given: an address that can be shown and parsed again, or one printable line."""
    try:
        address = Address.parse(text)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    assert str(address).isprintable()
    again = Address.parse(str(address))
    assert again.hosts == address.hosts
    assert again.path == address.path


@given(pieces, pieces, pieces, pieces)
@example("", "", "", "h")
def test_no_text_shows_what_stands_before_its_last_at(scheme, before, after, rest):
    """Whatever surrounds it, what stands between a ':' and an '@' is shown by neither address nor refusal."""
    text = f"{scheme}://user:{before}{CANARY}{after}@{rest}"
    try:
        address = Address.parse(text)
    except ConfigurationError as error:
        shown = assert_one_line(error)
    else:
        shown = f"{address} {address!r}"
    assert CANARY not in shown
