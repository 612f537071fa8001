"""The settings of the tests: the product's own, in an environment that the tests set."""

import os
import tempfile
from pathlib import Path

_data = Path(tempfile.gettempdir()) / f"octoargo-tests-{os.getuid()}" / os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["OCTOARGO_DATA_DIR"] = str(_data)  # not inherited: each worker of xdist has its own
os.environ.setdefault("OCTOARGO_ALLOW_PRIVATE_ADDRESSES", "true")
os.environ.setdefault("OCTOARGO_ALLOW_FILE_REPOSITORIES", "true")
os.environ.setdefault("OCTOARGO_ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")

from octoargo.settings import *
from octoargo.settings import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in the product: SQLite in memory locks whole tables between threads.
    DATABASES["default"]["TEST"] = {"NAME": str(_data / f"test-{os.getpid()}.sqlite3")}
else:
    DATABASES["default"]["OPTIONS"] = {}  # no pool: each test run makes and drops its databases
