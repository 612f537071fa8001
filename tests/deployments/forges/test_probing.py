"""What kind of host answers, asked without a token; also below a path."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployments.forges import Kind, probe_kind

PROPERTIES = {"version": "8.19.1", "displayName": "Bitbucket"}


@contextmanager
def answering(path, status, content, **headers):
    """A server that knows one path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_known = self.path == path
            body = json.dumps(content if is_known else {"error": "no such page"}).encode()
            self.send_response(status if is_known else 404)
            for name, value in {**(headers if is_known else {}), "Content-Length": str(len(body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.hosts("github", "gitlab", "gitea", "azure_devops", "bitbucket_data_center")
def test_probe_kind_knows_every_host_that_people_install(simulator):
    assert probe_kind(simulator.url, allow_private=True) is simulator.host.kind


@pytest.mark.parametrize(
    ("path", "content", "repository", "kind"),
    [
        ("/ctx/rest/api/1.0/application-properties", PROPERTIES, "/ctx/scm/KEY/shop.git", Kind.BITBUCKET_DATA_CENTER),
        ("/ctx/rest/api/1.0/application-properties", PROPERTIES, "/ctx/users/ann/repos/shop", Kind.BITBUCKET_DATA_CENTER),
        ("/git/api/v1/version", {"version": "1.24.0"}, "/git/acme/shop.git", Kind.GITEA),
    ],
)
def test_probe_kind_looks_below_the_path_of_an_installation(path, content, repository, kind):
    with answering(path, 200, content) as server:
        assert probe_kind(server + repository, allow_private=True) is kind


def test_probe_kind_finds_azure_devops_server_by_its_headers():
    with answering("/tfs/Coll/_apis/connectionData", 401, {"message": "TF400813"}, X_VSS_E2EID="1") as server:
        assert probe_kind(f"{server}/tfs/Coll/project/_git/shop", allow_private=True) is Kind.AZURE_DEVOPS


def test_probe_kind_of_another_program_is_none():
    with answering("/", 200, {}) as server:
        assert probe_kind(f"{server}/acme/shop", allow_private=True) is None


def test_probe_kind_takes_the_address_that_it_is_given():
    with answering("/ctx/rest/api/1.0/application-properties", 200, PROPERTIES) as server:
        found = probe_kind("ssh://git@git.example.com:7999/KEY/shop.git", web_base=f"{server}/ctx", allow_private=True)

    assert found is Kind.BITBUCKET_DATA_CENTER
