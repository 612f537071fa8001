import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from octoargo.keys import created_once, new_django_key, new_encryption_key


def test_created_once_makes_a_secret_that_only_its_owner_can_read(tmp_path: Path):
    path = tmp_path / "deep" / "key"

    secret = created_once(path, new_django_key)

    assert len(secret) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_created_once_gives_all_who_ask_at_once_the_same_secret(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda _: created_once(tmp_path / "key", new_django_key), range(40)))

    assert len(set(secrets)) == 1


def test_created_once_keeps_what_is_there(tmp_path: Path):
    (tmp_path / "key").write_text("ours\n")

    assert created_once(tmp_path / "key", new_django_key) == "ours"


def test_new_encryption_key_is_256_bits():
    assert len(base64.b64decode(new_encryption_key())) == 32
