"""A hub that writes down what a gateway sends, over real TLS on a free port, and does what a test tells it."""

import asyncio
import hashlib
import ipaddress
import time
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway import gateway_pb2 as pb
from gateway import gateway_pb2_grpc as rpc

PATIENCE_S = 10.0


class Certificate:
    """A server certificate for `localhost` and 127.0.0.1: self-signed, or issued by `issuer`."""

    def __init__(self, *, name="localhost", issuer=None, is_ca=False):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(tz=UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._subject)
            .issuer_name(issuer._subject if issuer else self._subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._certificate = builder.sign(issuer._key if issuer else self._key, hashes.SHA256())

    @property
    def pem(self):
        return self._certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self):
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def thumbprint(self):
        return hashlib.sha256(self._certificate.public_bytes(Encoding.DER)).hexdigest()


class FakeHub(rpc.EnrolmentServiceServicer, rpc.GatewayServiceServicer):
    """`async with FakeHub() as hub`. Messages of all streams are in `messages`, as (stream number, message)."""

    def __init__(self, certificate=None, *, port=0, plaintext=False):
        self.certificate = certificate or Certificate()
        self._plaintext = plaintext
        self._port = port
        self.tokens = {"good-token"}
        self.keys = {}  # key id -> Ed25519PublicKey
        self.used = {}  # registration token -> key id
        self.enrolments = 0
        self.refusals = 0
        self.messages = []
        self.streams = 0
        self.acknowledges = True
        self.wants_snapshot = None  # None: unless the checksums are equal
        self.heartbeat_s = 10
        self.answers_heartbeats = True
        self.loses_next_enrolment_answer = False
        self.loses_next_rotation_answer = False
        self.held = {}  # (namespace, name) -> (uid, digest), as a hub's database
        self._snapshot = (0, set())  # stream, and what its running snapshot has shown
        self.claims = []
        self.results = {}
        self._outgoing = None
        self._changed = asyncio.Condition()
        self._server = None

    async def __aenter__(self):
        self._server = grpc.aio.server()
        rpc.add_EnrolmentServiceServicer_to_server(self, self._server)
        rpc.add_GatewayServiceServicer_to_server(self, self._server)
        address = f"127.0.0.1:{self._port}"
        credentials = grpc.ssl_server_credentials([(self.certificate.key_pem, self.certificate.pem)])
        self._port = self._server.add_insecure_port(address) if self._plaintext else self._server.add_secure_port(address, credentials)
        await self._server.start()
        return self

    async def __aexit__(self, *_):
        await self._server.stop(0)

    @property
    def port(self):
        return self._port

    @property
    def address(self):
        return f"127.0.0.1:{self._port}"

    # What a test does

    async def until(self, condition, *, what=""):
        """Wait until `condition()` is true, and return it."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            while not (found := condition()):
                await self._changed.wait()
            return found

    async def next_of(self, kind, *, stream=None, after=0, where=lambda _: True):
        """The first message of a kind (in a stream, after so many messages)."""

        def find():
            for number, message in self.messages[after:]:
                if message.WhichOneof("message") == kind and stream in (None, number) and where(getattr(message, kind)):
                    return getattr(message, kind)
            return None

        return await self.until(find)

    def reported(self, name=None, *, after=0, stream=None):
        """Application reports so far, by name."""
        batches = [m.reports for number, m in self.messages[after:] if m.WhichOneof("message") == "reports" and stream in (None, number)]
        return [report for batch in batches for report in batch.applications if name in (None, report.name)]

    async def send(self, **message):
        await self._outgoing.put(pb.HubMessage(**message))

    async def command(self, *, identifier="c1", timeout_ms=5000, **command):
        """Send a command and return its results, in order."""
        self.results[identifier] = []
        await self.send(command=pb.Command(id=identifier, timeout_ms=timeout_ms, **command))
        results = await self.until(lambda: (r := self.results[identifier]) and not r[-1].has_more and r)
        return results if len(results) > 1 else results[0]

    async def drop(self, code=grpc.StatusCode.UNAVAILABLE, details="The hub restarts."):
        """End the stream."""
        await self._outgoing.put((code, details))

    # What a hub does

    async def Enrol(self, request, context):
        token = _bearer(context)
        key = Ed25519PublicKey.from_public_bytes(request.public_key)
        key.verify(request.proof, hashlib.sha256(token.encode()).digest())
        key_id = hashlib.sha256(request.public_key).hexdigest()
        if token not in self.tokens or self.used.get(token, key_id) != key_id:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "The registration token is unknown, used or expired.")
        self.used[token] = key_id
        self.keys[key_id] = key
        self.enrolments += 1
        if self.loses_next_enrolment_answer:
            self.loses_next_enrolment_answer = False
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The connection broke.")
        return pb.EnrolResponse(instance="eu-west", key_id=key_id)

    async def RotateKey(self, request, context):
        old = await self._authenticate(context)
        new = Ed25519PublicKey.from_public_bytes(request.public_key)
        new.verify(request.proof, hashlib.sha256(self.keys[old].public_bytes_raw()).digest())
        key_id = hashlib.sha256(request.public_key).hexdigest()
        del self.keys[old]
        self.keys[key_id] = new
        if self.loses_next_rotation_answer:
            self.loses_next_rotation_answer = False
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The connection broke.")
        return pb.RotateKeyResponse(key_id=key_id)

    async def Connect(self, request_iterator, context):
        await self._authenticate(context)
        self.streams += 1
        number, outgoing = self.streams, asyncio.Queue()
        self._outgoing = outgoing
        reader = asyncio.create_task(self._read(number, request_iterator, outgoing))
        try:
            while True:
                message = await outgoing.get()
                if isinstance(message, tuple):
                    await context.abort(*message)
                await context.write(message)
        finally:
            reader.cancel()

    async def _read(self, number, messages, outgoing):
        async for message in messages:
            self.messages.append((number, message))
            match message.WhichOneof("message"):
                case "hello":
                    wants = self.wants_snapshot
                    snapshot = message.hello.checksum != self.checksum() if wants is None else wants
                    welcome = pb.Welcome(epoch=message.hello.epoch, send_snapshot=snapshot, heartbeat_seconds=self.heartbeat_s, max_batch=3)
                    await outgoing.put(pb.HubMessage(welcome=welcome))
                case "reports" if self.acknowledges:
                    self._hold(number, message.reports)
                    await outgoing.put(pb.HubMessage(ack=pb.Ack(sequence=message.reports.sequence)))
                case "heartbeat" if self.answers_heartbeats:
                    await outgoing.put(pb.HubMessage(heartbeat=pb.Heartbeat(sent_at=int(time.time() * 1000))))
                case "result":
                    self.results.setdefault(message.result.id, []).append(message.result)
            async with self._changed:
                self._changed.notify_all()

    def _hold(self, number, batch):
        if batch.is_snapshot and self._snapshot[0] != number:
            self._snapshot = (number, set())
        self._snapshot[1].update((report.namespace, report.name) for report in batch.applications)
        for report in batch.applications:
            if report.is_deleted:
                self.held.pop((report.namespace, report.name), None)
            else:
                assert hashlib.sha256(report.content).hexdigest() == report.digest
                self.held[report.namespace, report.name] = (report.uid, report.digest)
        if batch.is_snapshot_end:
            self.held = {key: held for key, held in self.held.items() if key in self._snapshot[1]}
            self._snapshot = (0, set())

    def checksum(self):
        lines = sorted(f"{uid} {digest}\n" for uid, digest in self.held.values())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    async def _authenticate(self, context):
        token = _bearer(context)
        key_id = jwt.get_unverified_header(token)["kid"]
        if key_id not in self.keys:
            self.refusals += 1
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "This key was revoked or is unknown.")
        self.claims.append(jwt.decode(token, self.keys[key_id], algorithms=["EdDSA"], audience="octoargo-hub", issuer="octoargo-gateway"))
        return key_id


def _bearer(context):
    return dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
