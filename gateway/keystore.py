"""Where the key is kept: a file with mode 0600, or a Secret of our own namespace."""

import asyncio
import base64
import os
from pathlib import Path
from typing import Any, Protocol

from gateway import identity
from gateway.config import StateConfig
from gateway.kubernetes_api import core_api, namespace

_FILE = "gateway-key.json"
_KEY = "state"


class KeyStoreError(Exception):
    """The key cannot be read or written. The message says what to do."""


class KeyStore(Protocol):
    """Keeps one State."""

    async def load(self) -> identity.State | None: ...

    async def save(self, state: identity.State) -> None: ...


def open_store(config: StateConfig) -> KeyStore:
    """The store the configuration names."""
    return FileStore(config.directory) if config.directory is not None else SecretStore(config.secret_name)


class FileStore:
    """A file in a folder of ours; replaced as a whole, so that a crash leaves the old or the new one."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE

    async def load(self) -> identity.State | None:
        try:
            return identity.parse(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyStoreError(f"{self._path} cannot be read: {error.strerror}. Give the gateway's user the right to it.") from error

    async def save(self, state: identity.State) -> None:
        new = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(identity.dump(state))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise KeyStoreError(f"{self._path} cannot be written: {error.strerror}. OCTOARGO_STATE_DIR must be a folder the gateway may write to.") from error


class SecretStore:
    """A Kubernetes Secret. It is created by us, not by Helm, so that an upgrade never touches it."""

    def __init__(self, name: str, api: Any = None, in_namespace: str = "") -> None:
        self._name = name
        self._api = api if api is not None else core_api()
        self._namespace = in_namespace or namespace()

    async def load(self) -> identity.State | None:
        secret = await asyncio.to_thread(self._read)
        encoded = (secret.data or {}).get(_KEY) if secret is not None else None
        return identity.parse(base64.b64decode(encoded).decode()) if encoded else None

    async def save(self, state: identity.State) -> None:
        await asyncio.to_thread(self._write, identity.dump(state))

    def _read(self) -> Any:
        from kubernetes.client import ApiException

        try:
            return self._api.read_namespaced_secret(self._name, self._namespace, _request_timeout=10)
        except ApiException as error:
            if error.status == 404:
                return None
            raise self._refused("read", error) from error
        except Exception as error:  # urllib3's many
            raise KeyStoreError(f"Kubernetes' API cannot be reached: {error}.") from error

    def _write(self, text: str) -> None:
        from kubernetes.client import ApiException

        data = {_KEY: base64.b64encode(text.encode()).decode()}
        try:
            if self._read() is None:
                metadata = {"name": self._name, "labels": {"app.kubernetes.io/managed-by": "octoargo-gateway"}}
                self._api.create_namespaced_secret(self._namespace, {"metadata": metadata, "type": "Opaque", "data": data}, _request_timeout=10)
            else:
                self._api.patch_namespaced_secret(self._name, self._namespace, {"data": data}, _request_timeout=10)
        except ApiException as error:
            raise self._refused("written", error) from error

    def _refused(self, verb: str, error: Any) -> KeyStoreError:
        return KeyStoreError(
            f"The Secret {self._name} in {self._namespace} cannot be {verb}: HTTP {error.status}. The chart's Role allows get, create and patch."
        )
