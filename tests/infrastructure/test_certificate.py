"""The hub's certificate: made once, private, with the names that gateways dial."""

import hashlib
import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from infrastructure.certificate import CertificateMissing, hub_identity, server_name, thumbprint


@pytest.fixture
def settings_in(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.HUB_ADDRESS = "hub.example.com:8443"
    settings.HUB_CERTIFICATE_FILE = settings.HUB_KEY_FILE = ""
    return settings


def test_it_is_made_once_with_mode_0600(settings_in, tmp_path):
    first = hub_identity()

    assert hub_identity() == first
    assert stat.S_IMODE((tmp_path / "hub-identity.pem").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["hub-identity.pem"]


def test_it_names_the_hubs_address_and_this_machine(settings_in):
    certificate = x509.load_pem_x509_certificate(hub_identity().certificate)

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example.com", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert server_name() == "hub.example.com"


def test_the_thumbprint_is_the_sha_256_of_its_der(settings_in):
    der = ssl.PEM_cert_to_DER_cert(hub_identity().certificate.decode())

    assert thumbprint() == hashlib.sha256(der).hexdigest()


def test_a_configured_certificate_that_cannot_be_read_is_named(settings_in, tmp_path):
    settings_in.HUB_CERTIFICATE_FILE = str(tmp_path / "nothing.pem")

    with pytest.raises(CertificateMissing, match=r"OCTOARGO_HUB_CERTIFICATE_FILE names .*nothing\.pem, which cannot be read"):
        hub_identity()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([x509.DNSName("*.octoargo.example")], "hub.octoargo.example"),
        ([x509.IPAddress(ipaddress.ip_address("10.0.0.7"))], "10.0.0.7"),
        ([], "Octoargo hub"),
    ],
)
def test_the_server_name_is_one_that_the_configured_certificate_holds(settings_in, tmp_path, names, expected):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Octoargo hub")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    (tmp_path / "hub.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (tmp_path / "hub.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings_in.HUB_CERTIFICATE_FILE, settings_in.HUB_KEY_FILE = str(tmp_path / "hub.pem"), str(tmp_path / "hub.key")

    assert server_name() == expected
