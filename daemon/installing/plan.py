"""The plan of an installation: the steps that install or remove the service on this machine."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from daemon.installing.share import COMPLETIONS, completions, man_pages
from daemon.installing.steps import NEW, OLD, Keep, Remove, Run, Step, linked, offered, placed

UNITS = (
    "sniperd.service",
    "sniperd.socket",
    "sniperd-backup.service",
    "sniperd-backup.timer",
    "sniperd-failure@.service",
    "sniperd@.service",
    "sniperd@.socket",
    "sniperd-backup@.service",
    "sniperd-backup@.timer",
)
STARTED = ("sniperd{}.socket", "sniperd{}.service", "sniperd-backup{}.timer")
"""The units that are enabled and started, for ``@NAME`` of an instance, or for nothing."""

SHIPPED_COMMAND = b"/opt/sniperd/bin/sniperd"
"""The program's path in the shipped units."""

USERS, DIRECTORIES = "sysusers.d/sniperd.conf", "tmpfiles.d/sniperd.conf"
CONFIG, CONFIG_OF = "etc/sniperd/config.toml", "etc/sniperd/{}.toml"
LINK = "usr/local/bin/sniperd"
SHARE = "usr/local/share"


def shipped(name: str) -> bytes:
    """Read a file of ``systemd/`` from the installed package."""
    return files("daemon.installing").joinpath("files", name).read_bytes()


def unit(name: str, command: Path) -> bytes:
    """Return a unit that starts this program."""
    return shipped(name).replace(SHIPPED_COMMAND, str(command).encode())


def installation(root: Path, command: Path) -> Sequence[Step]:
    """Return the steps that install the service; what is up to date is kept."""
    users, directories = root / "etc" / USERS, root / "etc" / DIRECTORIES
    return [
        placed(users, shipped(USERS)),
        placed(directories, shipped(DIRECTORIES)),
        Run(("systemd-sysusers", str(users))),
        Run(("systemd-tmpfiles", "--create", str(directories))),
        *offered(root / CONFIG, shipped("etc/config.toml")),
        *(placed(_unit_path(root, name), unit(name, command)) for name in UNITS),
        linked(root / LINK, command),
        *_documents(root / SHARE),
        Run(("systemctl", "daemon-reload")),
        Run(("systemctl", "enable", "--now", *started())),
    ]


def instance_installation(root: Path, instance: str) -> Sequence[Step]:
    """Return the steps that set up an instance beside the installed service."""
    config, text = CONFIG_OF.format(instance), shipped("etc/config.toml").decode()
    text = text.replace(CONFIG, config).replace("reload sniperd", f"reload sniperd@{instance}")
    return [
        *offered(root / config, text.encode()),
        Run(("systemctl", "enable", "--now", *started(instance))),
    ]


def instance_removal(root: Path, instance: str) -> Sequence[Step]:
    """Return the steps that stop an instance for good; configuration, keys, database and backups stay."""
    offer = root / f"{CONFIG_OF.format(instance)}{NEW}"
    return [
        Run(("systemctl", "disable", "--now", *started(instance))),
        *([Remove(offer)] if offer.exists() else []),
    ]


def started(instance: str = "") -> Sequence[str]:
    """Return the units of the service, or of an instance, that are enabled and started."""
    return [unit.format(f"@{instance}" if instance else "") for unit in STARTED]


def removal(root: Path, command: Path) -> Sequence[Step]:
    """Return the steps that remove the service; configuration, keys, database, backups and user stay."""
    share = root / SHARE
    documents = (*_man_pages_there(share), *(share / path for path in COMPLETIONS))
    ours = [*(_unit_path(root, name) for name in UNITS), root / "etc" / USERS, root / "etc" / DIRECTORIES, *documents]
    there = [path for each in ours for path in (each, each.with_name(each.name + OLD)) if path.exists()]
    offer = root / f"{CONFIG}{NEW}"
    link = root / LINK
    is_linked = link.is_symlink() and link.readlink() == command
    return [
        *(step for instance in _instances(root) for step in instance_removal(root, instance)),
        *([Run(("systemctl", "disable", "--now", *started()))] if _unit_path(root, started()[0]).exists() else []),
        *(Remove(path) for path in there),
        *([Remove(offer)] if offer.exists() else []),
        *([Remove(link)] if is_linked else []),
        Run(("systemctl", "daemon-reload")),
    ]


def _documents(share: Path) -> Sequence[Step]:
    """Return the steps that install man pages and completion, and remove pages of earlier versions."""
    steps = [placed(share / path, content, keep_old=False) for path, content in completions()]
    try:
        pages = {share / path: content for path, content in man_pages()}
    except ModuleNotFoundError as error:
        why = f"no man pages, {error}: `sh .ci/setup` installs it, so does `pip install 'sniperd[build]'`"
        return [*steps, Keep(share / "man", why)]
    outdated = (path for path in _man_pages_there(share) if path not in pages)
    steps += [placed(path, content, keep_old=False) for path, content in pages.items()]
    return [*steps, *(Remove(path) for path in outdated)]


def _man_pages_there(share: Path) -> Sequence[Path]:
    """Return this program's installed man pages."""
    return sorted([*share.glob("man/man*/sniperd.*"), *share.glob("man/man*/sniperd-*")])


def _instances(root: Path) -> Sequence[str]:
    """Return the instances that are enabled."""
    enabled = (root / "etc/systemd/system").glob("*.target.wants/sniperd@?*.socket")
    return sorted(path.stem.partition("@")[2] for path in enabled)


def _unit_path(root: Path, name: str) -> Path:
    return root / "etc/systemd/system" / name
