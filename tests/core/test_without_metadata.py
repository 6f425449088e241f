"""Vendored and frozen applications: the electors of this project need no metadata, and it is said what others need."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from oneline import LONGEST
from patience import PATIENCE

from incumbent.ours import LIBRARIES, REMARK, modules
from incumbent.registry import EXTRAS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
OURS = ("incumbent", "incumbent_consul", "incumbent_etcd", "incumbent_postgres", "incumbent_redis")


@pytest.fixture
def site(tmp_path):
    """Return a directory with the libraries of this environment, but without ours, and without anybody's metadata."""
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.suffix not in (".dist-info", ".pth") and entry.name not in OURS:
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


def vendor(site, *packages):
    """Put our *packages* there, as they are."""
    for name in packages:
        (site / name).symlink_to(Path(find_spec(name).origin).parent)


def run(site, program):
    """Run *program* with nothing but Python and what is in *site*, and return the lines that it prints."""
    program = f"import sys; sys.path.insert(0, {str(site)!r})\n{program}"
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


LIST = """
from incumbent.registry import installed
for row in installed():
    print(row.name, "of", row.distribution, row.version, row.error)
"""
REFUSALS = """
from incumbent import ElectorNotFoundError, registry
for name in ("etcd", "zookeeper"):
    try:
        registry.load_backend_class(name)
    except ElectorNotFoundError as error:
        print(error)
"""


def test_vendored_embedded_electors_lead(site):
    """Copied into an application without metadata, the core has its own electors; where others are is said."""
    vendor(site, "incumbent")
    (site / "incumbent_etcd").mkdir()  # what an uninstall may leave
    program = f"""
from incumbent import LeaderElection, LeaderElectionConfig
for url in ("memory://", "local://{site}/elections"):
    with LeaderElection(LeaderElectionConfig("reports"), url) as election:
        print(election.wait_for_leadership({PATIENCE}).token)
"""
    assert run(site, program + REFUSALS) == [
        "1",
        "1",
        f"no elector 'etcd' is installed: pip install 'incumbent[etcd]' (installed: local, memory); {REMARK}",
        f"no elector 'zookeeper' is installed (installed: local, memory); {REMARK}",
    ]
    assert len(REMARK) < LONGEST / 2


def test_vendored_plugins_are_found(site):
    """An elector of ours is there as soon as its package can be imported."""
    vendor(site, *OURS)
    of = {name: module.partition(".")[0].replace("_", "-") for name, module in modules(EXTRAS).items()}
    assert run(site, LIST) == [f"{name} of {of[name]} unknown None" for name in sorted(of)]


@pytest.mark.parametrize("name", ["etcd", "consul", "postgres", "redis"])
def test_plugin_without_its_client_library_is_not_there(site, name):
    """An application that was given half of what an elector needs is told so at once, rather than at each attempt."""
    vendor(site, "incumbent", f"incumbent_{name}")
    (site / LIBRARIES[f"incumbent_{name}"]).unlink()
    assert [row.split()[0] for row in run(site, LIST)] == ["local", "memory"]
    (refusal, _) = run(site, REFUSALS.replace("etcd", name))
    assert refusal.startswith(f"no elector '{name}' is installed: pip install 'incumbent[{name}]' ")


def test_ours_are_those_that_have_entry_points():
    """What is found without metadata is what the metadata say."""
    projects = [ROOT / "core/pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    assert len(projects) == len(OURS)
    points = {}
    for path in projects:
        points |= tomllib.loads(path.read_text())["project"]["entry-points"]["incumbent.electors"]
    assert modules(EXTRAS) == points


def test_metadata_of_another_package_take_no_name_of_ours(site):
    """Who brings `memory` beside our own is told of both, as with metadata."""
    vendor(site, "incumbent")
    info = site / "usurper-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: usurper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[incumbent.electors]\nmemory = usurper\n")
    rows = run(site, LIST)
    error = "elector 'memory' is brought by usurper 1.0 and by incumbent unknown: uninstall all but one"
    assert f"memory of usurper 1.0 {error}" in rows
    assert "local of incumbent unknown None" in rows


@pytest.mark.parametrize("name", ["incumbent", "incumbent-consul", "incumbent-etcd"])
def test_pyinstaller_finds_the_hook(name):
    """The hook for a package lies where its entry point says, under the name by which PyInstaller looks for it."""
    (point,) = distribution(name).entry_points.select(group="pyinstaller40")
    assert point.name == "hook-dirs"
    (folder,) = point.load()()
    assert [path.name for path in Path(folder).glob("hook-*")] == [f"hook-{name.replace('-', '_')}.py"]
