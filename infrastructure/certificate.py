"""The hub's TLS certificate: the one from the settings, or a self-signed one made once under the data directory."""

import hashlib
import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

LIFETIME = timedelta(days=3650)
_END_OF_KEY = b"-----END PRIVATE KEY-----\n"


class CertificateMissing(Exception):
    """The configured certificate or key cannot be read. The message names the setting."""


@dataclass(frozen=True)
class Identity:
    """What the hub shows and proves, as PEM."""

    certificate: bytes
    key: bytes


def hub_identity() -> Identity:
    """Return the hub's certificate and key, made at first use. Raises CertificateMissing."""
    if settings.HUB_CERTIFICATE_FILE or settings.HUB_KEY_FILE:
        return Identity(_read("OCTOARGO_HUB_CERTIFICATE_FILE", settings.HUB_CERTIFICATE_FILE), _read("OCTOARGO_HUB_KEY_FILE", settings.HUB_KEY_FILE))
    path = Path(settings.DATA_DIR) / "hub-identity.pem"
    if not path.exists():
        _write_once(path, self_signed(host_of(settings.HUB_ADDRESS)))
    key, end, certificate = path.read_bytes().partition(_END_OF_KEY)
    return Identity(certificate, key + end)


def is_self_signed() -> bool:
    """Must gateways pin the certificate, because no authority vouches for it?"""
    return not settings.HUB_CERTIFICATE_FILE


def thumbprint() -> str:
    """SHA-256 of the certificate's DER in hex: what a gateway pins."""
    certificate = x509.load_pem_x509_certificates(hub_identity().certificate)[0]
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def server_name() -> str:
    """A name that the certificate holds: of its alternative names, else its common name."""
    certificate = x509.load_pem_x509_certificates(hub_identity().certificate)[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        held = [*names.get_values_for_type(x509.DNSName), *(str(address) for address in names.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        held = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return next(iter(held), "localhost").replace("*", "hub", 1)  # a wildcard holds any first label


def host_of(address: str) -> str:
    """The host of "host:port" or "[::1]:port"."""
    return address.rsplit(":", 1)[0].strip("[]") if ":" in address else address


def self_signed(host: str) -> Identity:
    """A new certificate for this host and for this machine itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Octoargo hub")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    try:
        own: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        own = x509.DNSName(host)
    return names if own in names else [own, *names]


def _write_once(path: Path, identity: Identity) -> None:
    """Write with mode 0600; of two processes at once the first one's counts."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(identity.key + identity.certificate)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(setting: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CertificateMissing(
            f"{setting} names {path or 'no file'}, which cannot be read: {error.strerror}. Set both the certificate and its key."
        ) from error
