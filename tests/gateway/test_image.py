"""The image installs requirements/gateway.txt and nothing else: that must be enough."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Hides every installed package that the image lacks, then imports all of the gateway.
PROGRAM = """
import sys, importlib.metadata as metadata
pinned = set(sys.argv[1].split())
owners = metadata.packages_distributions()
class Hidden:
    def find_spec(self, name, path=None, target=None):
        packages = owners.get(name.split(".")[0], [])
        if packages and not any(package.lower().replace("_", "-") in pinned for package in packages):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hidden())
import gateway.run, gateway.lease, gateway.keystore, kubernetes.client, kubernetes.config
"""


def test_everything_the_gateway_imports_is_installed_in_its_image():
    requirements = (ROOT / "requirements/gateway.txt").read_text()
    pinned = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", requirements, re.MULTILINE)}

    result = subprocess.run([sys.executable, "-c", PROGRAM, " ".join(pinned)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert result.returncode == 0, result.stderr


def test_the_image_runs_the_program_as_a_plain_user():
    lines = (ROOT / "gateway/Dockerfile").read_text().splitlines()

    assert "USER 65532:65532" in lines
    assert 'ENTRYPOINT ["python", "-m", "gateway"]' in lines
    assert not any(line.startswith("EXPOSE") for line in lines)
