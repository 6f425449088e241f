"""What is published: the sdist, the wheel, and what they say of themselves."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import incumbent

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core"
PACKAGE = CORE / "src/incumbent"


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Where the sdist, and the wheel made out of it, were built without network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(CORE)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return out


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def sources():
    return {str(path.relative_to(PACKAGE.parent)) for path in PACKAGE.rglob("*.py")} | {"incumbent/py.typed"}


def test_wheel_holds_every_module_and_nothing_else(wheel):
    """The wheel, made out of the sdist, holds the package, its type marker and its metadata."""
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == sources()


def test_wheel_is_for_every_platform(dist):
    """The wheel is pure Python."""
    assert [path.name for path in dist.glob("*.whl")] == [f"incumbent-{incumbent.__version__}-py3-none-any.whl"]


def test_sdist_holds_no_foreign_file(dist):
    """The sdist holds the package, and what is needed to build it."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        assert all(member.isfile() for member in archive)
        names = {member.name.split("/", 1)[1] for member in archive}
    rest = names - {f"src/{name}" for name in sources()}
    assert rest == {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


def test_version_is_said_once_and_the_same(metadata):
    """The distribution and the package have one version."""
    assert metadata["Version"] == incumbent.__version__


def test_license_is_shipped(wheel, metadata):
    """The wheel carries the Apache licence in full, and names it."""
    assert metadata["License-Expression"] == "Apache-2.0"
    (name,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_dependencies_are_light(metadata):
    """Without extras three small packages are needed, and no client library."""
    needed = {line.split(">")[0] for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert needed == {"croniter", "platformdirs", "pluggy"}


def test_pythons_are_those_that_are_tested(metadata):
    """The classifiers name the Pythons that have a `tests-…` session, and the oldest is the required one."""
    prefix = "Programming Language :: Python :: 3."
    claimed = {int(line.removeprefix(prefix)) for line in metadata.get_all("Classifier") if line.startswith(prefix)}
    assert metadata["Requires-Python"] == f">=3.{min(claimed)}"
    noxfile = (ROOT / "noxfile.py").read_text()
    (pythons,) = (line for line in noxfile.splitlines() if line.startswith("PYTHONS = "))
    assert pythons == "PYTHONS = [" + ", ".join(f'"3.{minor}"' for minor in sorted(claimed)) + "]"


def test_readme_needs_no_repository(metadata):
    """What the package index shows has no relative link: there is no repository beside it."""
    text = metadata.get_payload()
    assert text == (CORE / "README.md").read_text()
    assert "](" not in text.replace("](http", "")
