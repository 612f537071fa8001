"""The generated stubs are those of gateway.proto."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stubs")
    outputs = [f"--python_out={folder}", f"--pyi_out={folder}", f"--grpc_python_out={folder}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}", *outputs, str(ROOT / "gateway/gateway.proto")], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", ["gateway_pb2.py", "gateway_pb2.pyi", "gateway_pb2_grpc.py"])
def test_the_committed_stubs_are_up_to_date(generated, name):
    """Else run `make proto`."""
    assert (generated / "gateway" / name).read_text() == (ROOT / "gateway" / name).read_text()
