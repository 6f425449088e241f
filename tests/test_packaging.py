"""What is published: of each distribution the sdist, the wheel, and what they say of themselves."""

import ast
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import incumbent
from incumbent.advice import NAMES
from incumbent.registry import ENTRY_POINT_GROUP

ROOT = Path(__file__).parents[1]
#: The folder of each distribution, and what it needs without extras.
NEEDS = {
    "core": {"croniter", "platformdirs", "pluggy"},
    "plugins/etcd": {"incumbent", "etcd3", "grpcio", "protobuf"},
    "plugins/consul": {"h11", "incumbent", "python-consul"},
    "plugins/postgres": {"incumbent", "psycopg"},
    "plugins/redis": {"incumbent", "redis"},
}
#: The electors that each brings.
ELECTORS = {
    "core": ["local", "memory"],
    "plugins/etcd": ["etcd"],
    "plugins/consul": ["consul", "consul+check"],
    "plugins/postgres": ["postgres", "postgresql"],
    "plugins/redis": ["redis", "redis+unix", "rediss", "valkey", "valkeys"],
}


class Built:
    """The sdist of a distribution, and the wheel made out of it, built without network."""

    def __init__(self, folder, out):
        self.folder = ROOT / folder
        self.name = "-".join(["incumbent", *folder.split("/")[1:]])
        self.package = self.name.replace("-", "_")
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(self.folder)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        (self.wheel,) = out.glob("*.whl")
        (self.sdist,) = out.glob("*.tar.gz")
        with zipfile.ZipFile(self.wheel) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.metadata = Parser().parsestr(self.info("METADATA"))

    def info(self, name):
        return self.files[f"{self.package}-{incumbent.__version__}.dist-info/{name}"].decode()

    def sources(self):
        source = self.folder / "src"
        modules = [*source.rglob("*.py"), *source.glob("incumbent/cli/template*/**/*")]
        files = [path for path in modules if path.is_file() and "__pycache__" not in path.parts]
        return {str(path.relative_to(source)) for path in files} | {f"{self.package}/py.typed"}

    def requirements(self, extra=""):
        """Return what it needs, by name: without extras, or what *extra* adds."""
        needs = [Requirement(line) for line in self.metadata.get_all("Requires-Dist")]
        plain = {need.name: need for need in needs if need.marker is None}
        added = {need.name: need for need in needs if need.marker and need.marker.evaluate({"extra": extra})}
        return added if extra else plain


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a function that builds a distribution, once."""
    done = {}

    def build(folder):
        if folder not in done:
            done[folder] = Built(folder, tmp_path_factory.mktemp("dist"))
        return done[folder]

    return build


@pytest.fixture(params=NEEDS)
def built(request, build):
    return build(request.param)


def noxfile(name):
    """Return the value of a constant of the noxfile."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    (value,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return ast.literal_eval(value)


def test_every_distribution_is_published_and_tested_here():
    """Each folder with a project is built by nox, and looked at by these tests."""
    folders = {
        str(path.parent.relative_to(ROOT))
        for path in [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")]
    }
    assert set(noxfile("DISTRIBUTIONS")) == set(NEEDS) == folders


def test_wheel_holds_every_module_and_nothing_else(built):
    """The wheel, made out of the sdist, holds the package, its type marker and its metadata."""
    assert {name for name in built.files if ".dist-info/" not in name} == built.sources()


def test_wheel_is_for_every_platform(built):
    """The wheel is pure Python, and of the one version that all distributions have."""
    assert built.wheel.name == f"{built.package}-{incumbent.__version__}-py3-none-any.whl"


def test_sdist_holds_no_foreign_file(built):
    """The sdist holds the package, and what is needed to build it."""
    with tarfile.open(built.sdist) as archive:
        assert all(member.isfile() for member in archive)
        names = {member.name.split("/", 1)[1] for member in archive}
    rest = names - {f"src/{name}" for name in built.sources()}
    assert rest == {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


def test_version_and_name_are_said_the_same_everywhere(built):
    """The distributions of this repository have the version of the package `incumbent`."""
    assert (built.metadata["Name"], built.metadata["Version"]) == (built.name, incumbent.__version__)


def test_license_is_shipped(built):
    """The wheel carries the Apache licence in full, and names it."""
    assert built.metadata["License-Expression"] == "Apache-2.0"
    assert built.info("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("folder", NEEDS)
def test_dependencies_are_those_that_are_meant(build, folder):
    """The core needs three small packages and no client library; a plugin the core and its own client."""
    assert set(build(folder).requirements()) == NEEDS[folder]


@pytest.mark.parametrize("folder", NEEDS)
def test_dependencies_of_others_say_from_which_release_on(build, folder):
    """Just that: `nox -s lowest` installs the oldest, and what is new may be had at once."""
    needs = [need for name, need in build(folder).requirements().items() if name != "incumbent"]
    assert [[bound.operator for bound in need.specifier] for need in needs] == [[">="]] * len(needs)


@pytest.mark.parametrize("folder", ELECTORS)
def test_wheel_brings_its_electors(build, folder):
    """The entry points name the electors of the distribution."""
    points = ConfigParser()
    points.read_string(build(folder).info("entry_points.txt"))
    assert sorted(points[ENTRY_POINT_GROUP]) == ELECTORS[folder]


@pytest.mark.parametrize("elector", NAMES)
def test_extra_installs_the_plugin_of_the_same_version(build, elector):
    """`pip install incumbent[etcd]` brings `incumbent-etcd`; each allows this minor version of the other, no next."""
    core, plugin = build("core"), build(f"plugins/{elector}")
    (extra,) = core.requirements(elector).values()
    back = plugin.requirements()["incumbent"]
    assert extra.name == plugin.name
    assert extra.specifier == back.specifier
    major, minor = metadata.version("incumbent").split(".")[:2]
    allowed = [f"{major}.{minor}.0", f"{major}.{minor}.99", f"{major}.{int(minor) + 1}.0"]
    assert list(extra.specifier.filter(allowed)) == allowed[:2]


def test_extras_are_those_that_are_meant(build):
    """There is one extra for the conformance suite, one for metrics, and one for each plugin."""
    assert set(build("core").metadata.get_all("Provides-Extra")) == {"prometheus", "testing", *NAMES}


def test_pythons_are_those_that_are_tested(built):
    """The classifiers name the Pythons that have a `tests-…` session, and the oldest is the required one."""
    prefix = "Programming Language :: Python :: 3."
    lines = [line for line in built.metadata.get_all("Classifier") if line.startswith(prefix)]
    claimed = sorted(int(line.removeprefix(prefix)) for line in lines)
    assert built.metadata["Requires-Python"] == f">=3.{claimed[0]}"
    assert noxfile("PYTHONS") == [f"3.{minor}" for minor in claimed]


def test_types_are_said_to_be_there(built):
    """Who looks for typed packages finds it."""
    assert "Typing :: Typed" in built.metadata.get_all("Classifier")


def test_readme_needs_no_repository(built):
    """What the package index shows says something, and has no relative link: there is no repository beside it."""
    text = built.metadata.get_payload()
    assert text == (built.folder / "README.md").read_text()
    assert len(text.splitlines()) > 5
    assert "](" not in text.replace("](http", "")
