"""python -m benchmarks: every benchmark in a process of its own, each line a ratio against a baseline of the same run."""

import subprocess
import sys

BENCHMARKS = ("git", "manifests", "pages", "scale")

if __name__ == "__main__":
    failed = [name for name in BENCHMARKS if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0]
    sys.exit(f"Failed: {', '.join(failed)}" if failed else 0)
