"""Finds the real servers and tools of tests, and obtains them from Debian's packages where they are not installed.

`python tests/helpers/server_binaries.py` does so ahead of the tests; it needs nothing but Python. In order: the
environment's `INCUMBENT_ETCD_BIN` (and the same for the others), the PATH, where Debian installs it, the cache, Debian.
Nothing is installed: the packages are downloaded and unpacked into the cache, which takes no root.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

RELEASE = platform.freedesktop_os_release().get("VERSION_CODENAME", "") if Path("/etc/os-release").exists() else ""
#: By release, for they are linked with much of the system: their packages, and what a small system lacks.
OF_THIS_RELEASE = {
    "bookworm": {
        "postgres": (
            *("postgresql-15", "postgresql-client-15", "libpq5", "libicu72", "libxml2", "libxslt1.1", "libldap-2.5-0"),
            *("libsasl2-2", "liblz4-1"),
        ),
        "pgbouncer": ("pgbouncer", "libevent-2.1-7", "libc-ares2"),
    },
    "trixie": {
        "postgres": (
            *("postgresql-17", "postgresql-client-17", "libpq5", "libicu76", "libxml2", "libxslt1.1", "libldap2"),
            *("libsasl2-2", "liblz4-1", "libnuma1"),
        ),
        "pgbouncer": ("pgbouncer", "libevent-2.1-7t64", "libcares2"),
    },
}.get(RELEASE, {})
#: What redis-server and valkey-server are linked with.
_LIBRARIES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libatomic1", "libjemalloc2", "liblzf1", "libsystemd0"),
    *("libcap2", "libgcrypt20", "libgpg-error0", "liblz4-1", "liblzma5", "libzstd1"),
)
#: Server: the Debian release that has it, and its packages there. Consul was last part of Debian 11.
PACKAGES = {
    "etcd": ("trixie", ("etcd-server", "etcd-client")),
    "consul": ("bullseye", ("consul",)),
    "faketime": ("bookworm", ("faketime", "libfaketime")),  # no server, but obtained in the same way
    "postgres": (RELEASE, OF_THIS_RELEASE.get("postgres", ())),
    "pgbouncer": (RELEASE, OF_THIS_RELEASE.get("pgbouncer", ())),
    "redis": ("bookworm", ("redis-server", "redis-tools", "libssl3", *_LIBRARIES)),
    "valkey": ("trixie", ("valkey-server", "valkey-tools", "libssl3t64", *_LIBRARIES)),
    "prometheus": ("bookworm", ("prometheus",)),
    "chromium": (RELEASE, ("chromium-headless-shell",)),
}
#: The programs that will do, if they have other names; the package's own is the last.
PROGRAMS = {
    "redis": ("redis-server",),
    "valkey": ("valkey-server",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"),
}
#: Linked with so much of the system that apt itself finds out what this one lacks, in the sources that it has.
OF_THIS_SYSTEM = {"chromium"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class ServerMissingError(Exception):
    """A server is not there and cannot be obtained; says in one line what to do."""


def find(name: str) -> Path:
    """Return the program of the server *name*; its tools (`etcdctl`) are beside it."""
    variable = f"INCUMBENT_{name.upper()}_BIN"
    if given := os.environ.get(variable):
        if not os.access(given, os.X_OK):
            raise ServerMissingError(f"{variable}={given} is not an executable file")
        return Path(given)
    names = PROGRAMS.get(name, (name,))
    for on_path in filter(None, map(shutil.which, names)):
        return Path(on_path)
    for attempt in range(2):
        for root in (Path("/"), _cache(name)):
            # Debian keeps several versions of PostgreSQL beside each other.
            versions = sorted(root.glob(f"usr/lib/{name}*/*/bin/{name}"), reverse=True)
            for program in (*(root / folder / each for folder in ("usr/bin", "usr/sbin") for each in names), *versions):
                if program.exists():
                    return program
        if not attempt:
            _obtain(name)
    raise ServerMissingError(f"{name} is not in Debian's packages {', '.join(PACKAGES[name][1])}: set {variable}")


def _cache(name: str) -> Path:
    # These refuse to run as root, and who they run as then cannot read what is below root's home.
    is_for_others = name in ("postgres", "pgbouncer") and os.geteuid() == 0
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path("/var/cache") if is_for_others else own
    return folder / "incumbent-tests" / f"{name}-{PACKAGES[name][0]}"


def _obtain(name: str) -> None:
    """Download the packages with apt, from its own configured mirror but another release, and unpack them."""
    release, packages = PACKAGES[name]
    began = time.monotonic()
    home = _cache(name)
    work = home.with_name(f"{home.name}.{os.getpid()}")
    try:
        if not packages:
            raise OSError(f"none are known for release {release or '?'}")
        for folder in ("lists/partial", "archives/partial", "root"):
            (work / folder).mkdir(parents=True)
        options = [
            f"-oDir::State::Lists={work}/lists",
            f"-oDir::Cache={work}",
            "-oAcquire::Languages=none",
            "-oAPT::Sandbox::User=",
        ]
        if name in OF_THIS_SYSTEM:
            options.append("-oDebug::NoLocking=true")  # nothing is installed, which takes no root either
            download = ("install", "--download-only", "--no-install-recommends", "--yes")
        else:
            (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {release} main\n")
            options += [
                f"-oDir::Etc::sourcelist={work}/sources.list",
                "-oDir::Etc::sourceparts=-",
                "-oDir::State::status=/dev/null",
                "-oAcquire::Check-Valid-Until=false",  # a release that is no longer maintained stays as it is
            ]
            download = ("download",)
        _say(f"{name}: reading Debian's list of packages ({release}) ...")
        _run("apt-get", *options, "update", where=work)
        _say(f"{name}: downloading {', '.join(packages)} ...")
        _run("apt-get", *options, *download, *packages, where=work)
        for package in work.rglob("*.deb"):
            _run("dpkg", "-x", str(package), str(work / "root"), where=work)
        if name in OF_THIS_SYSTEM:
            _complete(work / "root", home, PROGRAMS[name][-1])
        elif "libc6" in packages:
            _bind(work / "root", home, PROGRAMS[name][-1])
        home.parent.mkdir(parents=True, exist_ok=True)
        if not home.exists():  # else another run of the tests was faster
            (work / "root").rename(home)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        raise ServerMissingError(
            f"{name} is not installed and cannot be obtained from Debian's packages ({' '.join(detail)}): "
            f"put it on the PATH, or its path into INCUMBENT_{name.upper()}_BIN"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _say(f"{name}: unpacked into {home} after {time.monotonic() - began:.0f} s")


def _bind(root: Path, home: Path, program: str) -> None:
    """Have *program* run with the libraries that lie beside it in *root*, which will be moved to *home*."""
    loader = next(path for path in sorted(root.rglob("ld-linux*.so.*")) if path.is_file())
    binary = root / "usr" / "bin" / program
    target = binary.with_name(f"{program}.bin")
    target.write_bytes(binary.read_bytes())  # it may be a link to a program that does what its name says
    target.chmod(0o755)
    binary.unlink()
    _script(
        binary,
        home / loader.relative_to(root),
        "--library-path",
        _libraries(root, home),
        home / target.relative_to(root),
    )


def _complete(root: Path, home: Path, program: str) -> None:
    """Have *program* run with the libraries of the system, and those in *root*, the later *home*, which that lacks."""
    (target,) = root.glob(f"usr/lib/*/{program}")
    lent = [f"LD_LIBRARY_PATH={_libraries(root, home)}"]
    if (root / "usr/share/fonts").exists():
        lent.append(f"FONTCONFIG_SYSROOT={home}")
    _script(root / "usr/bin" / program, "env", *lent, home / target.relative_to(root))


def _libraries(root: Path, home: Path) -> str:
    folders = {library.parent for library in root.glob("**/*-linux-gnu*/**/lib*.so*")}
    return ":".join(str(home / folder.relative_to(root)) for folder in sorted(folders))


def _script(path: Path, *words: object) -> None:
    # `exec` keeps the pid: who stops the program stops the server.
    path.write_text(f'#!/bin/sh\nexec {" ".join(shlex.quote(str(word)) for word in words)} "$@"\n')
    path.chmod(0o755)


def _mirror() -> str:
    """Return the mirror that apt is configured to use for Debian itself."""
    printed = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages")
    uris = [uri for uri in printed.split() if uri.rstrip("/").endswith("/debian")]
    if not uris:
        raise OSError("apt has no Debian mirror configured")
    return uris[0]


def _run(*command: str, where: Path | None = None) -> str:
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=True).stdout


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    for server in PACKAGES:
        try:
            print(find(server))
        except ServerMissingError as missing:
            sys.exit(str(missing))
