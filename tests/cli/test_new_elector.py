"""`incumbent new-elector`: what it writes is installed and tested as by its readers; what it refuses gets one line."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from functools import partial
from pathlib import Path

import pytest
from certificates import Authority
from patience import side_by_side

import incumbent
from incumbent.advice import EXTRAS
from incumbent.cli import main
from incumbent.cli.new_elector import LONGEST_NAME, TEMPLATE, _files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
INCUMBENT = Path(sysconfig.get_path("scripts")) / "incumbent"
#: For one command on a busy machine: the suite waits for ttls of two seconds.
PATIENCE = 300
LONG = "a-very-long-name-of-one-thirty"
#: Rules of this repository that its own examples and tests need not keep either.
NOT_FOR_ALL = ["ARG002", "D102", "PLC0415", "RUF012", "INP001"]


def run(*command, cwd=None, **environment):
    return subprocess.run(
        [*map(str, command)],
        env={**os.environ, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def done(*command, **settings):
    """Run *command*, which must succeed, and return what it printed."""
    process = run(*command, **settings)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def refusal(capsys, *arguments, code=2):
    assert main(["new-elector", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


#: For a store in a file, and for one behind a socket.
KINDS = {"file": (), "server": ("--server",)}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Write a package of each kind."""
    folders = {kind: tmp_path_factory.mktemp(kind) / "incumbent-acme" for kind in KINDS}
    for kind, folder in folders.items():
        done(INCUMBENT, "new-elector", *KINDS[kind], "acme", "--directory", folder)
    return folders


@pytest.fixture(scope="module")
def sites(packages, tmp_path_factory):
    """Unpack the wheel of each, entry point included, into a directory for `PYTHONPATH`: that installs it."""
    found = {}
    for kind, package in packages.items():
        out, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
        done(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, package)
        (wheel,) = out.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
        found[kind] = str(site)
    return found


@pytest.fixture(scope="module")
def package(kind, packages):
    return packages[kind]


@pytest.fixture(scope="module")
def installed(kind, sites):
    return sites[kind]


# ------------------------------------------------------------ what is written works


@pytest.mark.thorough
def test_new_elector_passes_the_suite(sites):
    """The whole suite passes before anything is changed, in the processes that `incumbent conformance` starts."""

    def conforms(site):
        counts = json.loads(done(INCUMBENT, "conformance", "acme", "--json", PYTHONPATH=site))["counts"]
        assert counts.get("failed", 0) == 0
        assert counts["passed"] > 70

    side_by_side({kind: partial(conforms, site) for kind, site in sites.items()})


#: Of the package's own tests: the store's, and enough of the suite to see that they find their harness.
FEW = "test_store or one_of_two or tokens_grow"


@pytest.mark.parametrize("some", [["-k", FEW], pytest.param([], marks=pytest.mark.thorough)], ids=["few", "all"])
def test_tests_of_the_package_pass(package, installed, some):
    """The package's own tests, one of the store's and the whole suite, pass in the author's own pytest."""
    out = done(sys.executable, "-m", "pytest", *some, cwd=package, PYTHONPATH=installed)
    (counts,) = (line for line in out.splitlines() if line.startswith("acme://"))
    assert " 0 failed" in counts
    assert int(counts.split(": ")[1].split()[0]) > (0 if some else 70)
    assert re.search(r"tests/test_store.py \.", out)


def test_new_elector_is_found_by_its_name(installed):
    """Installing the package is all that it takes: the elector is listed under its name, with its version."""
    assert "acme  incumbent-acme 0.1.0" in done(INCUMBENT, "electors", PYTHONPATH=installed)


#: Leads over TLS on a server whose certificate is for 127.0.0.1, and says what is said to who does not trust it.
ENCRYPTED = """
import sys, shutil
from pathlib import Path
from incumbent import BackendSettings, ElectionError, open_backend
from incumbent_acme.testing.harness import AcmeServer as Server
folder, ca, cert, key = map(Path, sys.argv[1:])
shutil.copy(cert, folder / "cert.pem")
shutil.copy(key, folder / "key.pem")
server = Server(folder)
server.start()
for options in (f"ca={ca}", "tls=yes"):
    url = f"acme://app:{server.password}@127.0.0.1:{server.port}?{options}"
    backend = open_backend(url, BackendSettings(30.0, 20.0))
    try:
        print(backend.elector("e", "a").acquire_leadership().token)
    except ElectionError as error:
        print(type(error).__name__, error)
    backend.close()
server.stop()
"""


@pytest.mark.parametrize("kind", ["server"], indirect=True)
def test_new_elector_encrypts(installed, tmp_path):
    """What the scaffold for a server says of TLS is so: it speaks it, and to nobody whom it cannot trust."""
    authority, folder = Authority(tmp_path), tmp_path / "server"
    folder.mkdir()
    cert, key = authority.issue("server", hosts=("127.0.0.1",))
    out = done(sys.executable, "-c", ENCRYPTED, folder, authority.file, cert, key, PYTHONPATH=installed)
    led, refused = out.splitlines()
    assert led == "1"
    assert refused.startswith("BackendUnavailableError acme 127.0.0.1:")
    assert "CERTIFICATE_VERIFY_FAILED" in refused


#: Stops hearing news in the middle of them, as when its own last release is the news.
STOPPING = """
from incumbent_acme._news import News
from incumbent_acme.testing.harness import AcmeHarness
harness = AcmeHarness()
harness.open()
store = harness.client()
def asked():
    news.stop()
    return ()
news = News(store, asked)
news.start()
news.join(60.0)
store.close()
harness.close()
print("done")
"""


@pytest.mark.parametrize("kind", ["server"], indirect=True)
def test_news_of_the_new_elector_hang_up(installed):
    """P8: Whoever stops hearing news closes the connection, also when it stops between two of them."""
    process = run(sys.executable, "-X", "dev", "-c", STOPPING, PYTHONPATH=installed)
    assert (process.stdout, process.stderr) == ("done\n", "")


def test_new_elector_is_typed(installed):
    """The wheel says that the package is typed."""
    assert (Path(installed) / "incumbent_acme/py.typed").exists()


@pytest.mark.parametrize("name", ["x", LONG])
def test_new_elector_is_clean(tmp_path, name, kind):
    """Whatever its name: it passes strict mypy, ruff with its own rules and with ours, and ruff's formatter."""
    folder = tmp_path / "new"
    done(INCUMBENT, "new-elector", *KINDS[kind], name, "--directory", folder)
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    ignored = ",".join([*ours["lint"]["ignore"], *NOT_FOR_ALL])
    strict = ["--isolated", "--select", "ALL", "--ignore", ignored]
    strict += ["--line-length", str(ours["line-length"]), "--target-version", ours["target-version"]]
    for options in ([], strict):
        done(sys.executable, "-m", "ruff", "check", "--no-cache", *options, cwd=folder)
    done(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", cwd=folder)
    done(sys.executable, "-m", "mypy", "--cache-dir", os.devnull, cwd=folder)


def test_longest_name_is_tested():
    """The name above is as long as one can be."""
    assert len(LONG) == LONGEST_NAME


# ------------------------------------------------------------ what is written


#: What the packages of both kinds bring.
BOTH = {
    ".github/workflows/tests.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "src/incumbent_my_store/__init__.py",
    "src/incumbent_my_store/_elector.py",
    "src/incumbent_my_store/_store.py",
    "src/incumbent_my_store/py.typed",
    "tests/test_conformance.py",
    "tests/test_store.py",
}
#: And each of them.
OWN = {
    "file": {"src/incumbent_my_store/testing.py"},
    "server": {
        "src/incumbent_my_store/_news.py",
        "src/incumbent_my_store/testing/__init__.py",
        "src/incumbent_my_store/testing/harness.py",
        "src/incumbent_my_store/testing/server.py",
    },
}


def test_nothing_is_left_of_the_template(tmp_path, kind):
    """Files, modules, classes and texts have the new name, in the spelling of each place."""
    assert main(["new-elector", *KINDS[kind], "my-store", "--directory", str(tmp_path)]) == 0
    files = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) == BOTH | OWN[kind]
    assert not re.search("toy", "".join([*files, *files.values()]), re.IGNORECASE)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "incumbent-my-store"
    assert project["entry-points"] == {"incumbent.electors": {"my-store": "incumbent_my_store"}}
    assert "class MyStoreElector(ElectorBase)" in files["src/incumbent_my_store/_elector.py"]


#: The files of a package that know the toy store.
MARKED = {
    "file": {"tests.yml", "LICENSE", "pyproject.toml", "_elector.py", "_store.py", "testing.py", "test_store.py"},
    "server": {
        "tests.yml",
        "LICENSE",
        "pyproject.toml",
        "_elector.py",
        "_store.py",
        "harness.py",
        "server.py",
        "test_store.py",
    },
}


def test_places_to_change_are_marked(kind):
    """Each file that knows the toy store says where."""
    files = _files("toy", server=kind == "server")
    marked = {path.name for path, text in files if re.search("^(.*# )?CHANGE: ", text, re.MULTILINE)}
    assert marked == MARKED[kind]


def test_suite_is_pinned_as_the_policy_says():
    """The elector needs any core from this one on; its tests need this minor version, for the next may add some."""
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]
    major, minor = map(int, incumbent.__version__.split(".")[:2])
    assert project["dependencies"] == [f"incumbent>={major}.{minor}"]
    pinned = f"incumbent[testing]>={major}.{minor},<{major}.{minor + 1}"
    assert project["optional-dependencies"]["testing"] == [pinned]


@pytest.mark.parametrize(("options", "store"), [([], "an SQLite file"), (["--server"], "a small server of its own")])
def test_next_commands_are_told(tmp_path, monkeypatch, capsys, options, store):
    """Without --directory the package lies here; the message says what was written, and three commands."""
    monkeypatch.chdir(tmp_path)
    assert main(["new-elector", *options, "acme"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"incumbent-acme: the elector acme://, on {store} until you change it"
    assert [line for line in lines if line.startswith("  ")] == [
        "  cd incumbent-acme",
        "  pip install -e '.[testing]'",
        "  pytest",
    ]
    assert (tmp_path / "incumbent-acme/pyproject.toml").exists()


def test_directory_is_quoted_for_the_shell(tmp_path, capsys):
    """A directory with a blank can be copied from the message."""
    assert main(["new-elector", "acme", "--directory", f"{tmp_path}/a b"]) == 0
    assert f"  cd '{tmp_path}/a b'\n" in capsys.readouterr().out


def test_compiled_files_of_the_template_are_left_out(tmp_path, monkeypatch):
    """Installing compiles the template's modules, too; that is nobody's source."""
    template = tmp_path / "template"
    (template / "__pycache__").mkdir(parents=True)
    (template / "__pycache__/x.pyc").write_bytes(b"\xff")
    (template / "x.py").write_text("toy")
    monkeypatch.setattr("incumbent.cli.new_elector.TEMPLATE", template)
    assert main(["new-elector", "acme", "--directory", str(tmp_path / "new")]) == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.py"]


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "name", ["", "Acme", "1st", "-a", "a-", "a--b", "a_b", "a.b", "a+b", "é", "a b", "a\n", 31 * "x"]
)
def test_name_that_cannot_be_one_is_refused(capsys, tmp_path, monkeypatch, name):
    """One line says the rule, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    line = refusal(capsys, "--", name)
    assert "cannot be its name: take lower-case letters, digits and single hyphens, 30 characters at most" in line
    assert list(tmp_path.iterdir()) == []


def test_name_that_would_hide_the_contract_is_refused(capsys, tmp_path, monkeypatch):
    """`class LeaderElector(LeaderElector)` is no class that its author's mypy would pass."""
    monkeypatch.chdir(tmp_path)
    assert "LeaderElector" in refusal(capsys, "leader")


def test_name_may_begin_like_a_test(tmp_path):
    """Pytest, which collects classes by their names, does not take the harness of `test-store` for tests."""
    done(INCUMBENT, "new-elector", "test-store", "--directory", tmp_path)
    collect = [sys.executable, "-m", "pytest", "-q", "--collect-only"]
    listed = run(*collect, cwd=tmp_path, PYTHONPATH=str(tmp_path / "src")).stdout
    assert "tests/test_conformance.py::TestTestStore::test_" in listed
    assert "TestStoreHarness" not in listed


@pytest.mark.parametrize("name", ["memory", "local", *(name for name in EXTRAS if "+" not in name)])
def test_name_that_is_taken_is_refused(capsys, tmp_path, monkeypatch, name):
    """Our own names are taken whether their package is installed or not; the line says by whom."""
    monkeypatch.chdir(tmp_path)
    line = refusal(capsys, name)
    assert f"the elector '{name}' exists already (incumbent" in line
    assert line.endswith("): choose another name\n")
    assert list(tmp_path.iterdir()) == []


def test_name_of_our_own_is_taken_without_its_package(capsys, monkeypatch):
    """What is not installed today may be tomorrow."""
    monkeypatch.setattr("incumbent.registry._find", lambda _: [])
    assert "the elector 'etcd' exists already (incumbent[etcd]): choose another name" in refusal(capsys, "etcd")


def test_name_of_ones_own_package_is_taken_and_can_be_freed(capsys, monkeypatch):
    """Who has installed what was written, and wants it anew, is told how; another's package is to be left alone."""
    for packages, remedy in {
        "incumbent-acme 0.1.0": "to write it anew, first pip uninstall incumbent-acme",
        "acme-elections 1.0": "choose another name",
        "incumbent-acme 0.1.0 and acme-elections 1.0": "choose another name",
    }.items():
        monkeypatch.setattr("incumbent.cli.new_elector.brought_by", lambda _, packages=packages: packages)
        line = refusal(capsys, "acme")
        assert line == f"incumbent: the elector 'acme' exists already ({packages}): {remedy}\n"


def test_nothing_is_overwritten(capsys, tmp_path):
    """A directory with anything in it is left as it is."""
    (tmp_path / "mine").write_text("precious")
    assert "is not empty: nothing is overwritten" in refusal(capsys, "acme", "--directory", str(tmp_path))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_directory_is_refused(capsys, tmp_path, kind):
    """A file, or a link that leads nowhere, is not written over."""
    path = tmp_path / "here"
    if kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to("nowhere")
    assert "is no directory: choose another" in refusal(capsys, "acme", "--directory", str(path))


@pytest.mark.parametrize("directory", ["", "a\0b", "a\ud800"])
def test_what_is_no_path_is_refused(capsys, directory):
    """What the system would not take is told as such."""
    assert "is no directory's name" in refusal(capsys, "acme", "--directory", directory)


def test_directory_that_cannot_be_made_is_told(capsys, tmp_path):
    """The system's own reason, in one line."""
    (tmp_path / "file").touch()
    assert "Not a directory" in refusal(capsys, "acme", "--directory", str(tmp_path / "file/below"), code=1)
