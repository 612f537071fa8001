import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from infrastructure.secrets import SecretUnreadable, decrypt, encrypt, rotate

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
ROW = "git_credential:5"


@pytest.fixture(autouse=True)
def _one_key(settings):
    settings.OCTOARGO_ENCRYPTION_KEYS = [OLD]


def test_decrypt_returns_what_was_encrypted_for_the_row():
    stored = encrypt("s3cret ü", row=ROW)

    assert decrypt(stored, row=ROW) == "s3cret ü"
    assert "s3cret" not in stored
    assert stored != encrypt("s3cret ü", row=ROW)


def test_decrypt_refuses_a_text_moved_from_another_row():
    with pytest.raises(SecretUnreadable, match="does not belong to this row"):
        decrypt(encrypt("s3cret", row=ROW), row="git_credential:6")


@pytest.mark.parametrize("stored", ["", "s3cret", "v1:abcd:", "v1:abcd:!!", "v2:abcd:AAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_decrypt_refuses_what_is_not_ours(stored):
    with pytest.raises(SecretUnreadable, match="cannot be read"):
        decrypt(stored, row=ROW)


def test_decrypt_refuses_a_changed_text():
    stored = encrypt("s3cret", row=ROW)
    changed = stored[:-6] + ("A" if stored[-6] != "A" else "B") + stored[-5:]

    with pytest.raises(SecretUnreadable):
        decrypt(changed, row=ROW)


def test_decrypt_names_the_key_that_is_gone(settings):
    stored = encrypt("s3cret", row=ROW)
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW]

    with pytest.raises(SecretUnreadable, match=stored.split(":")[1]):
        decrypt(stored, row=ROW)


def test_rotate_moves_a_secret_to_the_first_key(settings):
    stored = encrypt("s3cret", row=ROW)
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW, OLD]

    rotated = rotate(stored, row=ROW)

    assert decrypt(stored, row=ROW) == "s3cret"
    assert rotate(rotated, row=ROW) == rotated
    settings.OCTOARGO_ENCRYPTION_KEYS = [NEW]
    assert decrypt(rotated, row=ROW) == "s3cret"


@pytest.mark.parametrize("keys", [[], ["short"], [base64.b64encode(b"x" * 16).decode()]])
def test_encrypt_refuses_to_work_without_a_proper_key(settings, keys):
    settings.OCTOARGO_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured):
        encrypt("s3cret", row=ROW)
