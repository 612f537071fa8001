"""The pretend Git hosts: merges as a host makes them, web pages, webhooks in odd order, pull requests that outlive the process."""

import base64
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from simulator.forge import git, make_repository, running
from simulator.forges import merging
from simulator.forges.events import Hook
from simulator.forges.registry import VENDORS
from simulator.forges.state import NotOpen

PATH = "acme/platform/shop"  # Azure DevOps wants three segments; for most others all but the last are the owner
USER = {"ada": "ada-s-token"}


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / f"{PATH}.git", {"app.yaml": "1\n", "other.yaml": "1\n"})


@pytest.fixture
def host(repository, tmp_path):
    with running(tmp_path, users=USER, vendor="gitea", open_pages=True) as server:
        yield server


def branch(repository, name="octo/x", content="2\n", path="app.yaml"):
    git("update-ref", f"refs/heads/{name}", "refs/heads/main", cwd=repository.path)
    return repository.commit({path: content}, branch=name, message=f"Change {path}")


def opened(host, repository, *, where=PATH, **change):
    branch(repository, **change)
    return host.forge.open(where, head=change.get("name", "octo/x"), base="main", title="Shop <2.0>", body="By **Octoargo** & co", author="octoargo")


def parents(repository, sha):
    return git("rev-list", "--parents", "-n1", sha, cwd=repository.path).split()[1:]


def call(url, fields=None, user=None):
    """Status and text of a page; a form when there are fields."""
    request = urllib.request.Request(url, data=urllib.parse.urlencode(fields).encode() if fields else None)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(user).encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(("method", "count"), [("merge", 2), ("squash", 1), ("rebase", 1), ("rebase-merge", 2)])
def test_merges_on_a_base_that_has_moved(host, repository, method, count):
    pull = opened(host, repository)
    before = repository.commit({"other.yaml": "2\n"})

    tip = host.forge.merge(pull, method=method)

    assert repository.head() == tip
    assert len(parents(repository, tip)) == count
    assert before in repository.log(form="%H")
    assert (repository.read("app.yaml"), repository.read("other.yaml")) == (b"2\n", b"2\n")


def test_a_rebase_of_several_commits_keeps_their_messages(host, repository):
    pull = opened(host, repository)
    repository.commit({"more.yaml": "1\n"}, branch="octo/x", message="Add more.yaml")
    repository.commit({"other.yaml": "2\n"}, message="Meanwhile")

    host.forge.merge(pull, method="rebase")

    assert repository.log() == ["Add more.yaml", "Change app.yaml", "Meanwhile", "First"]


def test_a_rebase_on_an_unmoved_base_is_the_head_itself(host, repository):
    pull = opened(host, repository)

    assert host.forge.merge(pull, method="rebase") == repository.head("octo/x")


def test_a_conflict_is_found_and_nothing_moves(host, repository):
    pull = opened(host, repository)
    before = repository.commit({"app.yaml": "3\n"})

    for method in ("merge", "squash", "rebase", "rebase-merge", "fast-forward"):
        with pytest.raises(merging.CannotMerge):
            host.forge.merge(pull, method=method)

    assert (repository.head(), pull.state) == (before, "open")


def test_a_closed_one_is_not_merged(host, repository):
    pull = opened(host, repository)
    host.forge.close(pull)

    with pytest.raises(NotOpen):
        host.forge.merge(pull)


def test_deleting_the_branch_closes_the_pull_request(host, repository, tmp_path):
    pull = opened(host, repository)
    remote = f"http://ada:{USER['ada']}@127.0.0.1:{host.port}/{PATH}.git"

    git("push", "--quiet", remote, ":refs/heads/octo/x", cwd=repository.path)

    assert host.forge.pull(PATH, pull.number).state == "closed"


def test_a_push_over_http_moves_the_pull_requests_head(host, repository, tmp_path):
    pull, work = opened(host, repository), tmp_path / "work"
    remote = f"http://ada:{USER['ada']}@127.0.0.1:{host.port}/{PATH}"  # with or without .git
    git("clone", "--quiet", "--branch", "octo/x", remote, str(work))
    git("commit", "--quiet", "--allow-empty", "--message", "More", cwd=work)

    git("push", "--quiet", "origin", "HEAD", cwd=work)

    assert host.forge.pull(PATH, pull.number).head_sha == git("rev-parse", "HEAD", cwd=work)


@pytest.mark.parametrize(("way", "state"), [("merge", "merged"), ("squash", "merged"), ("rebase", "merged"), ("close", "closed")])
@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_the_web_page_merges_and_closes(tmp_path, vendor, way, state):
    where = "ACME/shop" if vendor == "bitbucket_data_center" else PATH
    repository = make_repository(tmp_path / f"{where}.git", {"app.yaml": "1\n"})
    with running(tmp_path, users=USER, vendor=vendor, open_pages=True) as host:
        pull = opened(host, repository, where=where)
        url = host.url + host.vendor.page_path(where, pull.number)
        status, text = call(url)
        assert status == 200
        assert "Shop &lt;2.0&gt;" in text
        assert "app.yaml" in text

        status, text = call(url, {"do": way})

        assert (status, pull.state) == (200, state)
        assert f'<span class="state">{state}</span>' in text
        assert "<form" not in text
        assert call(url, {"do": way})[0] == 409


def test_the_web_page_tells_a_conflict(host, repository):
    pull = opened(host, repository)
    repository.commit({"app.yaml": "3\n"})

    status, text = call(f"{host.url}/{PATH}/pulls/{pull.number}", {"do": "merge"})

    assert status == 409
    assert "The branches conflict." in text
    assert pull.state == "open"


def test_the_list_of_pull_requests_leads_to_each(host, repository):
    pull = opened(host, repository)

    status, text = call(f"{host.url}/{PATH}/pulls")

    assert status == 200
    assert f'href="/{PATH}/pulls/{pull.number}"' in text
    assert call(f"{host.url}/{PATH}/pulls/9")[0] == 404
    assert call(f"{host.url}/acme/nothing/pulls")[0] == 404


def test_a_closed_door_wants_a_git_user_for_changes(repository, tmp_path):
    with running(tmp_path, users=USER, vendor="gitea") as host:
        pull = opened(host, repository)
        url = f"{host.url}/{PATH}/pulls/{pull.number}"

        assert call(url, {"do": "merge"})[0] == 401
        assert call(url, {"do": "merge"}, ("ada", "wrong"))[0] == 401
        assert pull.state == "open"
        assert call(url, {"do": "squash"}, ("ada", USER["ada"])) == (200, call(url)[1])
        assert pull.state == "merged"


def test_pull_requests_outlive_the_process(repository, tmp_path):
    kept = tmp_path / "pulls.json"
    with running(tmp_path, vendor="gitea", open_pages=True, state_file=kept) as host:
        first, second = opened(host, repository), opened(host, repository, name="octo/y", path="other.yaml")
        call(f"{host.url}/{PATH}/pulls/{first.number}", {"do": "merge"})

    with running(tmp_path, vendor="gitea", open_pages=True, state_file=kept) as host:
        again = {pull.number: pull for pull in host.forge.find(PATH)}
        assert (again[first.number].merge_sha, again[first.number].ended_at) == (first.merge_sha, first.ended_at)
        assert again[second.number].state == "open"
        call(f"{host.url}/{PATH}/pulls/{second.number}", {"do": "close"})
        branch(repository, "octo/z", path="z.yaml")
        third = host.forge.open(PATH, head="octo/z", base="main", title="Third", body="", author="ada")
        assert (again[second.number].state, third.number) == ("closed", 3)
        assert third.id not in {first.id, second.id}


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append((dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def receiver():
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("is_reversed", [False, True])
def test_webhooks_of_a_merge_come_in_either_order_and_twice(host, repository, receiver, is_reversed):
    pull, courier = opened(host, repository), host.forge.courier
    courier.hooks.append(Hook(PATH, f"http://127.0.0.1:{receiver.server_port}/", "secret"))
    courier.hooks.append(Hook("acme/another", f"http://127.0.0.1:{receiver.server_port}/another", "secret"))
    courier.is_reversed, courier.sends_twice = is_reversed, True

    host.forge.merge(pull)
    courier.wait()

    events = [headers["X-Gitea-Event"] for headers, _ in receiver.got]
    one, other = ("push", "pull_request") if is_reversed else ("pull_request", "push")
    assert events == [one, one, other, other]
    ids = [headers["X-Gitea-Delivery"] for headers, _ in receiver.got]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_hook_that_nobody_answers_holds_nothing_up(host, repository):
    host.forge.courier.hooks.append(Hook("", "http://127.0.0.1:9/", "secret"))

    pull = opened(host, repository)
    host.forge.courier.wait()

    assert pull.state == "open"
    assert [sent.status for sent in host.forge.courier.sent] == [0]


def test_a_push_tells_each_branch(host, repository, receiver, tmp_path):
    host.forge.courier.hooks.append(Hook("", f"http://127.0.0.1:{receiver.server_port}/", "secret"))
    work, remote = tmp_path / "work", f"http://ada:{USER['ada']}@127.0.0.1:{host.port}/{PATH}.git"
    git("clone", "--quiet", remote, str(work))

    git("push", "--quiet", "origin", "HEAD:refs/heads/one", "HEAD:refs/heads/two", cwd=work)
    host.forge.courier.wait()

    assert sorted(body["ref"] for _, body in receiver.got) == ["refs/heads/one", "refs/heads/two"]
    assert {body["before"] for _, body in receiver.got} == {"0" * 40}


def test_a_host_without_a_vendor_has_no_api(repository, tmp_path):
    with running(tmp_path) as host:
        assert call(f"{host.url}/api/v1/version")[0] == 404
        with pytest.raises(LookupError):
            host.forge.find(PATH)
