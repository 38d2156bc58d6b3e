"""Harmless programs with a flag that runs, or writes, something else: none does so unasked."""

from __future__ import annotations

import subprocess

from tests.threats.canaries import Canaries, one_by_one
from tests.threats.shipped import Stage

COMMANDS = (
    "find . -exec ./canary {} ;", "find . -exec ./canary {} +", "find . -execdir ./canary {} +",
    "find . -ok ./canary {} ;", "find . -okdir ./canary {} ;", "find . -name a.txt -delete",
    "find . -fprint made", "find . -fprintf made x", "find . -fls made",
    "find . -files0-from a.txt", "git -c core.pager=./canary log", "git -c alias.x=!./canary x",
    "git -c core.fsmonitor=./canary status", "git --exec-path=. status",
    "git -C . -c core.sshCommand=./canary fetch", "git -p log", "git --paginate log",
    "git grep -O./canary one", "git grep --open-files-in-pager=./canary one",
    "git diff --ext-diff", "git log --ext-diff -p", "git log --textconv -p",
    "git log --output=made", "git log --outp=made", "git diff --output made",
    "git show --ext-diff", "git blame --textconv a.txt", "git --config-env=core.pager=PAGER log",
    "git --git-dir=other status", "git --work-tree=/ status", "git archive --output=made HEAD",
    "git bisect run ./canary", "git rebase --exec ./canary HEAD",
    "git submodule foreach ./canary", "git filter-branch --tree-filter ./canary",
    "git help -w log", "git upload-pack .", "git ls-remote ext::./canary",
    "git clone ext::./canary x", "git difftool -x ./canary", "git commit -m x", "git stash",
    "git checkout .", "git clean -fd", "git config core.pager ./canary", "rg --pre ./canary one",
    "rg --pre=./canary one", "rg --hostname-bin ./canary one", "rg -z one",
    "grep --include=x -r one . --exclude-dir=. --devices=read", "grep -f /dev/stdin a.txt",
    "sed -n '1e ./canary' a.txt", "sed 's/one/.\\/canary/e' a.txt", "sed -i s/one/two/ a.txt",
    "sed --in-place s/one/two/ a.txt", "sed --in s/one/two/ a.txt", "sed -n 'w made' a.txt",
    "sed 's/one/x/w made' a.txt", "sed -n p --file=a.txt", "sed -f a.txt a.txt",
    "sed -s -n '1w made' a.txt", "awk 'BEGIN{system(\"./canary\")}'",
    "awk '{print > \"made\"}' a.txt", "awk '\"./canary\" | getline'", "awk -f a.txt",
    "gawk -i inplace 1 a.txt", "mawk 'BEGIN{system(\"./canary\")}'",
    "tar --to-command=./canary -xf t.tar", "tar --to-comm=./canary -xf t.tar",
    "tar -I ./canary -tf t.tar", "tar --use-compress-program=./canary -tf t.tar",
    "tar -cf made a.txt", "tar -xf t.tar",
    "tar -tf t.tar --checkpoint=1 --checkpoint-action=exec=./canary", "tar -tf t.tar -F ./canary",
    "tar --rsh-command=./canary -tf h:t.tar", "tar -tf h:t.tar", "zip -T -TT ./canary made a.txt",
    "xargs ./canary", "xargs -a a.txt ./canary", "parallel ./canary", "env ./canary",
    "env -S './canary'", "nice ./canary", "ionice ./canary", "timeout 1 ./canary",
    "nohup ./canary", "setsid ./canary", "stdbuf -o0 ./canary", "chrt 1 ./canary",
    "unshare ./canary", "strace ./canary", "ltrace ./canary",
    "ssh -o ProxyCommand=./canary localhost", "ssh -oProxyCommand=./canary localhost",
    "scp -S ./canary a h:", "rsync -e ./canary a.txt h:", "rsync --rsh=./canary a.txt h:",
    "man -P ./canary ls", "man --pager=./canary ls", "man -H./canary ls", "less a.txt",
    "more a.txt", "less +!./canary a.txt", "pg a.txt", "vi -c :!./canary",
    "vim -es -c '!./canary'", "nano a.txt", "ed a.txt", "ex -c '!./canary'", "emacs --eval x",
    "sort --compress-program=./canary a.txt", "sort --compress-prog=./canary a.txt",
    "sort -o made a.txt", "sort -omade a.txt", "sort --output=made a.txt",
    "sort --outp made a.txt", "sort -T . a.txt", "sort --files0-from=a.txt", "uniq a.txt made",
    "split --filter=./canary a.txt", "split a.txt made", "csplit a.txt 1", "tee made",
    "dd if=a.txt of=made", "cp a.txt made", "mv a.txt made", "ln -s a.txt made",
    "install a.txt made", "truncate -s 0 a.txt", "touch made", "mkdir made", "rmdir made",
    "rm a.txt", "chmod 777 a.txt", "chown root a.txt", "shred a.txt", "tree -o made",
    "file -C -m a.txt", "file -z t.tar", "date -s 1", "date -f /etc/shadow", "hostname x",
    "dircolors a.txt", "diff --to-file=a.txt a.txt -x", "diff -r / /", "cmp a.txt /etc/shadow",
    "wc --files0-from=a.txt", "du --files0-from=a.txt", "cat /etc/shadow",
    "head -c 5 ~/.ssh/id_rsa", "tail -f a.txt", "tail --pid=1 -f a.txt", "cat -",
    "stat --file-system /proc/self/environ", "cat /proc/self/environ", "ls /proc/1/root",
    "cat .env", "ls -- -exec", "cat -- ../secret", "readlink -f ../secret", "realpath ../secret",
    "cat ../secret", "cat link", "grep -r x ..", "grep --file=../secret x a.txt", "jq -f a.txt .",
    "jq --from-file ../secret .", "xxd -r a.txt made", "base64 -d a.txt --wrap=0 -",
    "python3 -m http.server", "node -e 1", "ruby -e 1", "php -r 1", "lua -e 1",
    "gdb -ex 'shell ./canary'", "make", "cmake -P a.txt", "docker run x", "crontab a.txt",
    "at now -f a.txt", "systemctl edit x", "journalctl --pager-end",
    "apt-get -o x=./canary update", "pip install x", "npm run x",
    "curl -o made http://127.0.0.1:9/", "wget -O made http://127.0.0.1:9/", "nc -e ./canary h 1",
    "openssl enc -in a.txt -out made", "gpg --output made a.txt", "iconv -o made a.txt",
    "pr --pages=1 ../secret", "od -A x ../secret", "strings -f ../secret", "nl ../secret",
    "tac ../secret", "rev ../secret", "echo ~root", "basename -a ../secret -s x --bad",
    "true --help --bad=../secret", "yes", "seq 1e18", "sleep 99999",
)  # fmt: skip


def test_no_flag_runs_or_writes_or_reads_elsewhere_unasked(stage: Stage) -> None:
    canaries = Canaries(stage)
    work = stage.work
    for name in ("canary", "pager", "ext"):
        canaries.put(work / name)
    (work / "a.txt").write_text("one\n./canary\n")
    (work / ".env").write_text("KEY=told-secret")
    (stage.folder / "secret").write_text("told-secret")
    (work / "link").symlink_to(stage.folder / "secret")
    subprocess.run(["tar", "-cf", "t.tar", "a.txt"], cwd=work, check=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q"], cwd=work, check=True)
    subprocess.run(["git", "add", "a.txt"], cwd=work, check=True)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=work, check=True)
    before = _seen(stage)
    stage.variables |= {"PAGER": "./pager", "GIT_EXTERNAL_DIFF": "./ext"}
    outcomes = one_by_one(stage, [("bash_command", {"command": text}) for text in COMMANDS])
    assert canaries.sung == []
    assert _seen(stage) == before
    told = [
        text
        for text, row in zip(COMMANDS, outcomes, strict=True)
        if "told-secret" in str(row.get("result"))
    ]
    assert told == []


def _seen(stage: Stage) -> dict[str, bytes]:
    """The workspace without what git and the stage themselves keep there."""
    found: dict[str, bytes] = {}
    for path in stage.work.rglob("*"):
        own = path.name == "stage.playbook.yaml" or ".git" in path.parts
        if not own and path.is_file():
            found[str(path)] = path.read_bytes()
    return found
