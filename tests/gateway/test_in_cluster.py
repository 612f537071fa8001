"""The key in a Secret, and replicas that elect one by a Lease."""

import asyncio

import pytest
from kubernetes.client import CoordinationV1Api, CoreV1Api

from gateway.identity import Identity, IdentityError, State, dump, parse
from gateway.keystore import FileStore, KeyStoreError, SecretStore
from gateway.kubernetes_api import NotInClusterError, core_api
from gateway.lease import Lease
from tests.gateway.conftest import until
from tests.gateway.fake_kubernetes import FakeKubernetes

LEASE = "/apis/coordination.k8s.io/v1/namespaces/octoargo-eu/leases/gateway"


@pytest.fixture
def kubernetes():
    with FakeKubernetes() as running:
        yield running


@pytest.fixture
def secrets(kubernetes):
    with kubernetes.client() as client:
        yield SecretStore("gateway-state", CoreV1Api(client), "octoargo-eu")


async def test_the_secret_is_created_then_patched(kubernetes, secrets):
    first, second = Identity.create(), Identity.create()
    assert await secrets.load() is None

    await secrets.save(State(first))
    await secrets.save(State(first, next_identity=second))

    state = await secrets.load()
    assert (state.identity.key_id, state.next_identity.key_id) == (first.key_id, second.key_id)
    assert list(kubernetes.objects) == ["/api/v1/namespaces/octoargo-eu/secrets/gateway-state"]


async def test_a_secret_that_may_not_be_read_says_which_right_is_missing(kubernetes, secrets):
    kubernetes.denied = True

    with pytest.raises(KeyStoreError, match="gateway-state in octoargo-eu cannot be read: HTTP 403"):
        await secrets.load()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(KeyStoreError, match="OCTOARGO_STATE_DIR must be a folder"):
        await FileStore(tmp_path / "file" / "state").save(State(Identity.create()))


@pytest.mark.parametrize("text", ["", "{}", '{"identity": {"private_key": "no"}}', "[1]"])
def test_a_broken_state_says_what_to_do(text):
    with pytest.raises(IdentityError, match="enrol again"):
        parse(text)


def test_a_state_survives_its_storage():
    state = State(Identity.create().enrolled(instance="eu-west", token_sha256="ab"), next_identity=Identity.create())

    again = parse(dump(state))

    assert again.identity.public_key == state.identity.public_key
    assert (again.identity.instance, again.identity.enrolled_with) == ("eu-west", "ab")
    assert [identity.key_id for identity in again.candidates] == [state.identity.key_id, state.next_identity.key_id]


def test_outside_a_cluster_the_way_out_is_named(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(NotInClusterError, match="OCTOARGO_STATE_DIR"):
        core_api()


class Replica:
    """Says when it works."""

    def __init__(self, client, name):
        self.is_working = False
        self._lease = Lease("gateway", api=CoordinationV1Api(client), in_namespace="octoargo-eu", holder=name, duration_s=0.6)
        self.task = asyncio.create_task(self._lease.lead(self._work))

    async def _work(self):
        self.is_working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_working = False

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def version(kubernetes):
    return int(kubernetes.objects[LEASE]["metadata"]["resourceVersion"])


async def test_one_replica_works_and_the_next_takes_over_when_it_stops(kubernetes):
    with kubernetes.client() as client:
        first = Replica(client, "a")
        await until(lambda: first.is_working)
        second = Replica(client, "b")
        begin = version(kubernetes)
        await until(lambda: version(kubernetes) >= begin + 7)  # renewals: more than the lease lasts without them
        assert (first.is_working, second.is_working) == (True, False)

        await first.stop()
        await until(lambda: second.is_working)
        assert kubernetes.objects[LEASE]["spec"]["holderIdentity"] == "b"
        await second.stop()


async def test_who_cannot_renew_stops_before_another_may_start(kubernetes):
    with kubernetes.client() as client:
        replica = Replica(client, "a")
        await until(lambda: replica.is_working)
        kubernetes.denied = True
        await until(lambda: not replica.is_working)
        kubernetes.denied = False
        await until(lambda: replica.is_working)
        await replica.stop()


async def test_a_dead_holders_lease_is_taken_after_its_time(kubernetes):
    spec = {"holderIdentity": "dead", "renewTime": "2026-11-21T21:44:03.000000Z", "leaseDurationSeconds": 1}
    kubernetes.objects[LEASE] = {"metadata": {"name": "gateway", "resourceVersion": "1"}, "spec": spec}

    with kubernetes.client() as client:
        replica = Replica(client, "a")
        await until(lambda: replica.is_working)
        await replica.stop()

    assert kubernetes.objects[LEASE]["spec"]["leaseTransitions"] == 1
