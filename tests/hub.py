"""A real hub in a thread, and a gateway of the tests' own that speaks the protocol to it."""

import asyncio
import contextlib
import hashlib
import json
import queue
import threading
import time
import uuid

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connections

from gateway import gateway_pb2, gateway_pb2_grpc
from infrastructure.certificate import hub_identity
from infrastructure.hub.server import start_hub

PATIENCE_S = 10.0


def wait_for(condition, *, seconds=PATIENCE_S):
    """Return what the condition returns once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.01)  # between two looks
    return found


class HubThread:
    """A hub on free ports of 127.0.0.1."""

    def __init__(self, **options):
        self._options = {"listen": "127.0.0.1", "port": 0, "relay_listen": "127.0.0.1:0", **options}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)
        self._thread.start()
        self.hub = self.run(start_hub(**self._options))

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    @property
    def port(self):
        return self.hub.port

    @property
    def address(self):
        return f"localhost:{self.hub.port}"

    @property
    def relay_address(self):
        return self.hub.relay_address

    def stop(self):
        if self.hub is not None:
            self.run(self.hub.stop())
            self.hub = None

    def close(self):
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


@contextlib.contextmanager
def running_hub(**options):
    hub = HubThread(**options)
    try:
        yield hub
    finally:
        hub.close()
        connections.close_all()


class FakeGateway:
    """Enrols, connects and answers by hand: each message of the hub is in `received`."""

    def __init__(self, address, *, root=None):
        self.address = address
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(self.public).hexdigest()
        self._channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(root or hub_identity().certificate))
        self.outgoing = queue.Queue()
        self.received = queue.Queue()
        self._call = None

    def enrol(self, token, *, proof=None, public=None):
        request = gateway_pb2.EnrolRequest(
            public_key=self.public if public is None else public,
            proof=self.key.sign(hashlib.sha256(token.encode()).digest()) if proof is None else proof,
            gateway_version="0.1.0",
        )
        return gateway_pb2_grpc.EnrolmentServiceStub(self._channel).Enrol(request, metadata=bearer(token), timeout=PATIENCE_S)

    def signed(self, **claims):
        now = int(time.time())
        claims = {
            "iss": "octoargo-gateway",
            "sub": "test",
            "aud": "octoargo-hub",
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
            **claims,
        }
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": self.key_id})

    def connect(self, *, epoch=None, checksum="", token=None, capabilities=("refresh", "sync"), first=None):
        """Open a stream and return the Welcome; `first` is sent in place of Hello."""
        self.outgoing, self.received = queue.Queue(), queue.Queue()
        hello = gateway_pb2.Hello(
            epoch=epoch or time.time_ns() // 1000,
            gateway_version="0.1.0",
            argocd_version="v3.5.1",
            capabilities=capabilities,
            checksum=checksum,
        )
        self.outgoing.put(first or gateway_pb2.GatewayMessage(hello=hello))
        self._call = gateway_pb2_grpc.GatewayServiceStub(self._channel).Connect(iter(self.outgoing.get, None), metadata=bearer(token or self.signed()))
        threading.Thread(target=_read, args=(self._call, self.received), daemon=True).start()
        return self.next("welcome")

    def send(self, **message):
        self.outgoing.put(gateway_pb2.GatewayMessage(**message))

    def report(self, sequence, *contents, is_snapshot=False, is_snapshot_end=False):
        """Report Applications (as tests.factories.make_content makes them) and return the Ack."""
        reports = [report_of(content) for content in contents]
        self.send(reports=gateway_pb2.ReportBatch(sequence=sequence, is_snapshot=is_snapshot, is_snapshot_end=is_snapshot_end, applications=reports))
        return self.next("ack")

    def next(self, kind):
        """The next message of the kind from the hub; others before it are dropped."""
        while True:
            message = self.received.get(timeout=PATIENCE_S)
            if isinstance(message, grpc.RpcError):
                raise message
            if message is None:
                raise EOFError("The hub ended the stream.")
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)

    def wait_for_end(self):
        """The error that ended the stream, None for a plain end."""
        while True:
            message = self.received.get(timeout=PATIENCE_S)
            if message is None or isinstance(message, grpc.RpcError):
                return message

    def answer_commands(self, answer):
        """In a thread: answer each command with answer(command) -> CommandResult or a list of them; None answers nothing."""

        def work():
            with contextlib.suppress(Exception):
                while True:
                    command = self.next("command")
                    results = answer(command) or []
                    for result in results if isinstance(results, list) else [results]:
                        result.id = command.id
                        self.send(result=result)

        threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.outgoing.put(None)
        if self._call is not None:
            self._call.cancel()
        self._channel.close()


def _read(call, received):
    try:
        for message in call:
            received.put(message)
        received.put(None)
    except grpc.RpcError as error:
        received.put(error)


def report_of(content, **values):
    encoded = json.dumps(content, sort_keys=True).encode()
    metadata = content["metadata"]
    return gateway_pb2.ApplicationReport(
        **{
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "content": encoded,
            "digest": hashlib.sha256(encoded).hexdigest(),
            **values,
        }
    )


def bearer(token):
    return [("authorization", f"Bearer {token}")]
