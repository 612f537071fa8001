"""A repository with main and a Git host around it: simulated, or a real Gitea."""

import base64
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

import httpx2

from deployments.forges import Kind, Proposal, Token, open_forge
from simulator.forge import git, make_repository, running
from simulator.forges.state import Access
from tests.deployments.forges.hosts import HOSTS
from tests.hub import wait_for

TOKEN = "glpat-right-and-secret"
PATIENCE_S = 30


class Simulated:
    """One host of the table over a bare repository; everything may be turned."""

    is_real = False

    def __init__(self, host, server, repository, root):
        self.host, self.server, self.repository, self.root = host, server, repository, root
        self.state = server.forge
        self.state.tokens[TOKEN] = Access("octoargo")
        self.slept = []
        self.forge = self.open()

    @property
    def url(self):
        return f"{self.server.url}/{self.host.clone}"

    def open(self, token=TOKEN, **options):
        options = {"kind": self.host.kind, "allow_private": True, "sleep": self.slept.append} | options
        return open_forge(self.url, Token(token), **options)

    def branch(self, name="octo/x", content="2\n", *, path="app.yaml", base="main"):
        """A branch with one commit; with content None one without."""
        git("update-ref", f"refs/heads/{name}", f"refs/heads/{base}", cwd=self.repository.path)
        return self.repository.head(name) if content is None else self.repository.commit({path: content}, branch=name, message=f"Change {path}")

    def commit(self, content, *, path="app.yaml", branch="main"):
        return self.repository.commit({path: content}, branch=branch)

    def make_fork(self):
        """Another owner's copy with a branch octo/x, and its open pull request to main."""
        fork = self.root / f"{self.host.fork}.git"
        git("clone", "--quiet", "--bare", str(self.repository.path), str(fork))
        git("update-ref", "refs/heads/octo/x", "refs/heads/main", cwd=fork)
        other = type(self.repository)(fork)
        other.commit({"app.yaml": "theirs\n"}, branch="octo/x")
        return self.state.open(self.host.path, head="octo/x", base="main", title="Theirs", body="", author="ben", head_repository=self.host.fork)

    def head(self, branch="main"):
        return self.repository.head(branch)

    def has(self, branch):
        return bool(git("for-each-ref", f"refs/heads/{branch}", cwd=self.repository.path))

    def contains(self, sha, branch="main"):
        return sha in self.repository.log(branch, form="%H")

    def pull(self, number):
        return self.state.pull(self.host.path, number)

    def merge(self, number, method="merge"):
        return self.state.merge(self.pull(number), method=method)

    def close(self, number):
        self.state.close(self.pull(number))

    def count(self):
        """All pull requests ever opened."""
        return len(self.state.find(self.host.path))

    def creates(self):
        """Calls that create a pull request."""
        path = self.host.pulls_path.lower()
        return len([line for line in self.state.requests if line.startswith("POST ") and line.partition("?")[0].lower().endswith(path)])


class RealGitea:
    """A repository of its own on the server named by the environment; deleted at the end."""

    is_real = True
    METHODS = {"fast-forward": "fast-forward-only"}

    def __init__(self, url, token):
        self.base, self.token, self.host, self.slept = url.rstrip("/"), token, HOSTS["gitea"], []
        self.headers = {"Authorization": f"token {token}"}
        made = self.ask("POST", "/user/repos", {"name": f"octoargo-contract-{secrets.token_hex(4)}", "auto_init": False, "default_branch": "main"})
        ways = ("merge_commits", "rebase", "rebase_explicit", "squash_merge", "fast_forward_only_merge")
        self.ask("PATCH", f"/repos/{made['full_name']}", {f"allow_{way}": True for way in ways})
        self.path, self.url = made["full_name"], f"{self.base}/{made['full_name']}.git"
        self.folder = tempfile.TemporaryDirectory()
        self.work = Path(self.folder.name)
        self.run("init", "--quiet", "--initial-branch=main")
        self.commit("1\n")
        self.forge = self.open()

    def open(self, token="", **options):
        return open_forge(self.url, Token(token or self.token), kind=Kind.GITEA, web_base=self.base, allow_private=True, **options)

    def ask(self, method, path, body=None):
        answer = httpx2.request(method, f"{self.base}/api/v1{path}", json=body, headers=self.headers, timeout=PATIENCE_S)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content.strip() else None

    def run(self, *arguments):
        value = base64.b64encode(f"octoargo:{self.token}".encode()).decode()
        header = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: Basic {value}"}
        return git(*arguments, cwd=self.work, env=header)

    def branch(self, name="octo/x", content="2\n", *, path="app.yaml", base="main"):
        if content is not None:
            return self.commit(content, path=path, branch=name, base=base)
        return self.push(self.head(base), name)

    def commit(self, content, *, path="app.yaml", branch="main", base=""):
        if base:
            self.run("fetch", "--quiet", self.url, base)
            self.run("checkout", "--quiet", "--detach", "FETCH_HEAD")
        elif (self.work / ".git/refs/remotes").exists() or self.run("ls-remote", self.url):
            self.run("fetch", "--quiet", self.url, branch)
            self.run("checkout", "--quiet", "--detach", "FETCH_HEAD")
        (self.work / path).write_text(content)
        self.run("add", path)
        self.run("commit", "--quiet", "--message", f"Change {path}")
        return self.push(self.run("rev-parse", "HEAD"), branch)

    def push(self, sha, branch):
        """Gitea takes note of a push a moment later: until then its API knows no branch, and calls a new repository empty."""
        self.run("push", "--quiet", self.url, f"{sha}:refs/heads/{branch}")
        wait_for(lambda: self.is_noted(sha, branch), seconds=PATIENCE_S)
        return sha

    def is_noted(self, sha, branch):
        known = httpx2.get(f"{self.base}/api/v1/repos/{self.path}/branches/{quote(branch)}", headers=self.headers, timeout=PATIENCE_S)
        is_empty = self.ask("GET", f"/repos/{self.path}")["empty"]
        return not is_empty and known.status_code == 200 and known.json()["commit"]["id"] == sha

    def head(self, branch="main"):
        return self.run("ls-remote", self.url, f"refs/heads/{branch}").partition("\t")[0]

    def has(self, branch):
        return bool(self.run("ls-remote", self.url, f"refs/heads/{branch}"))

    def contains(self, sha, branch="main"):
        self.run("fetch", "--quiet", self.url, branch)
        return sha in self.run("log", "--format=%H", "FETCH_HEAD").splitlines()

    def merge(self, number, method="merge"):
        """The host looks for conflicts first, and says "try again later" until it has."""
        address, body = f"{self.base}/api/v1/repos/{self.path}/pulls/{number}/merge", {"Do": self.METHODS.get(method, method)}
        wait_for(lambda: httpx2.post(address, json=body, headers=self.headers, timeout=PATIENCE_S).is_success, seconds=PATIENCE_S)
        return self.forge.state(number).merge_sha

    def close(self, number):
        self.ask("PATCH", f"/repos/{self.path}/pulls/{number}", {"state": "closed"})

    def count(self):
        return len(self.ask("GET", f"/repos/{self.path}/pulls?state=all&limit=50"))

    def delete(self):
        try:
            self.ask("DELETE", f"/repos/{self.path}")
        finally:
            self.folder.cleanup()


def simulated(host, root):
    """The context of a Simulated world: `with simulated(host, root) as server_and_repository`."""
    return running(root, vendor=host.vendor), make_repository(root / f"{host.path}.git", {"app.yaml": "1\n"})


def proposal(head="octo/x", base="main", title="Shop 2.0", body="Made by Octoargo."):
    return Proposal(head=head, base=base, title=title, body=body)
