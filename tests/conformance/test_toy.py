"""The example of an elector is built, installed and tested as its readers would do it."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs/examples/incumbent-toy"
INCUMBENT = Path(sysconfig.get_path("scripts")) / "incumbent"
#: Another rootdir, and no settings of this repository's.
ALONE = ("--rootdir", EXAMPLE, "-c", os.devnull, "-p", "no:cacheprovider", "-W", "error")
#: For one command on a busy machine: the example's suite waits for ttls of two seconds.
PATIENCE = 300


def run(*command, **environment):
    return subprocess.run(
        [*map(str, command)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Unpack the example's wheel, entry point included, into a directory for `PYTHONPATH`: that installs it."""
    out, site = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, EXAMPLE)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return str(site)


def test_example_passes_the_suite(installed):
    """The example's own test file, which inherits the whole suite, passes on its own."""
    done = run(sys.executable, "-m", "pytest", *ALONE, EXAMPLE / "tests", PYTHONPATH=installed)
    assert done.returncode == 0, done.stdout
    (counts,) = (line for line in done.stdout.splitlines() if line.startswith("toy:///"))
    assert " 0 failed" in counts
    assert int(counts.split(": ")[1].split()[0]) > 70


def test_example_is_found_by_its_name(installed):
    """Installing the package is all that it takes: the elector is listed under its name, with its version."""
    done = run(INCUMBENT, "electors", PYTHONPATH=installed)
    assert done.returncode == 0, done.stderr
    assert "toy  incumbent-toy 0.1.0" in done.stdout
