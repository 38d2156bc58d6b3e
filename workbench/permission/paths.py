"""What a path is called, without looking at the disk: inside or outside, protected or not.

Everything here works on text. Who asks has resolved links first and passes *real* paths; what is
lexical stays testable and cannot race. Two kinds of names are protected. A name of kind
``execution`` can gain execution later (a start file, a hook, a CI file, an agent's configuration):
reading it is harmless, changing it asks. A name of kind ``secret`` asks even to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from unicodedata import category, normalize

from workbench.permission.danger import Act

Kind: TypeAlias = Literal["execution", "secret"]
Standing: TypeAlias = Literal["inside", "outside", "state"]


def _table(*, execution: str, confidential: str) -> dict[str, Kind]:
    """A table of names from two lists of words."""
    table: dict[str, Kind] = {}
    for name in execution.split():
        table[name] = "execution"
    for name in confidential.split():
        table[name] = "secret"
    return table


FOLDERS = _table(
    execution="""
        .git .hg .svn .husky .githooks
        .github .gitlab .gitea .forgejo .circleci .buildkite .woodpecker .teamcity
        .kaizen .kaizen-tui .claude .codex .cursor .gemini .qwen .continue .windsurf .roo .cline
        .kiro .agents .opencode .goose
        .vscode .idea .zed .fleet .devcontainer .vim .direnv .yarn .cargo .systemd launchagents
    """,
    confidential=".ssh .gnupg .aws .azure .kube .docker .password-store .gcloud .vault",
)
"""Names of folders: what lies anywhere below them is protected with them."""

FILES = _table(
    execution="""
        .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .inputrc .envrc
        .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .cshrc .tcshrc .login
        .gitconfig .gitmodules .gitattributes .hgrc
        .vimrc .exrc .nvimrc .emacs .dir-locals.el .gdbinit .lldbinit .pdbrc .pythonrc .irbrc
        .tmux.conf .screenrc .curlrc .wgetrc .ripgreprc crontab
        .pre-commit-config.yaml .pre-commit-hooks.yaml lefthook.yml .lefthook.yml
        .gitlab-ci.yml .travis.yml .drone.yml .cirrus.yml .woodpecker.yml appveyor.yml
        azure-pipelines.yml bitbucket-pipelines.yml jenkinsfile
        kaizen.toml kaizen.yaml kaizen.yml kaizen.json .kaizen.toml .mcp.json mcp.json
        claude.md agents.md gemini.md .cursorrules .clinerules .windsurfrules .aider.conf.yml
        sitecustomize.py usercustomize.py pyvenv.cfg .yarnrc .yarnrc.yml .pnpmfile.cjs
    """,
    confidential="""
        .env .netrc _netrc .pgpass .my.cnf .npmrc .pypirc .git-credentials .dockercfg .htpasswd
        id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk .vault-token
        credentials credentials.json application_default_credentials.json
        secrets.toml secrets.yaml secrets.yml secrets.json
    """,
)
"""Names of files, wherever they lie. Compared without case: some disks have none."""

ENDINGS = _table(
    execution=".pth .code-workspace .desktop .service .plist",
    confidential=".pem .key .p12 .pfx .jks .keystore .kdbx .ppk .gpg .age",
)
"""Ends of file names."""

_TEMPLATES = (".example", ".sample", ".template", ".dist")


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a path is protected: which of its names, and of which kind."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        reason = "can gain execution later" if self.kind == "execution" else "may hold a secret"
        return f"{self.name} {reason}"


def protection(path: str) -> Protection | None:
    """The gravest protection among a path's names (a secret outweighs the rest), or None.

    Give the part below the workspace where there is one, so that a workspace which itself lies
    in a folder of such a name is not protected as a whole.
    """
    found: Protection | None = None
    for name in path.replace("\\", "/").split("/"):
        kind = _kind(name)
        if kind == "secret":
            return Protection(kind, name)
        if kind and found is None:
            found = Protection(kind, name)
    return found


def _kind(name: str) -> Kind | None:
    """The kind of one name, compared as the most forgiving file system would."""
    plain = _folded(name)
    kind = FOLDERS.get(plain) or FILES.get(plain)
    if kind:
        return kind
    if plain.startswith(".env.") and not plain.endswith(_TEMPLATES):
        return "secret"
    dot = plain.rfind(".")
    return ENDINGS.get(plain[dot:]) if dot >= 0 else None


def _folded(name: str) -> str:
    """Without case, marks that take no room, and trailing dots and blanks."""
    if not name.isascii():
        name = "".join(c for c in normalize("NFKC", name) if category(c) not in {"Cf", "Mn"})
    return name.rstrip(". ").casefold()


def guarded(path: str, act: Act) -> Protection | None:
    """The protection that matters to a deed: to reading only a secret's, else any."""
    found = protection(path)
    if found and act == "read" and found.kind != "secret":
        return None
    return found


def normal(path: str) -> str:
    """The same path without ``.``, doubled slashes and ``name/..``: text only, links unread."""
    if path and "/." not in path and "//" not in path and path[0] != "." and path[-1] != "/":
        return path
    parts: list[str] = []
    rooted = path.startswith("/")
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            parts.append(part)
        elif parts and parts[-1] != "..":
            parts.pop()
        elif not rooted:
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts) or "."


def below(real: str, folder: str) -> str | None:
    """The path relative to a folder that holds it (``.`` for itself), or None."""
    path, top = normal(real), normal(folder)
    if path == top:
        return "."
    prefix = top if top == "/" else top + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def standing(real: str, workspace: str, state: str = "") -> Standing:
    """Where a real, absolute path lies. The state folder wins: it is refused to every tool."""
    if not real.startswith("/"):
        return "outside"
    if state and below(real, state) is not None:
        return "state"
    return "inside" if below(real, workspace) is not None else "outside"


def stays_below(path: str) -> bool:
    """Whether the text of a relative path cannot leave the folder it starts from.

    Links are not followed here, so ``a/../b`` does not count: ``a`` may be a link.
    """
    return bool(path) and not path.startswith(("/", "~")) and ".." not in path.split("/")


def is_secret(path: str) -> bool:
    """Whether a path's names say that it holds a secret: its content is never copied."""
    found = protection(path)
    return found is not None and found.kind == "secret"
