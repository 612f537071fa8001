"""A host's pull requests on disk, so that a demo that is started again still has them."""

import itertools
import json
import os
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.forges.state import ForgeState, Pull, Status

TIMES = ("created_at", "updated_at", "ended_at")


def save(state: ForgeState, path: Path) -> None:
    """Write the file whole or not at all."""
    with state.lock:
        kept = {
            "pulls": [asdict(pull) for pulls in state.pulls.values() for pull in pulls],
            "statuses": {repository: [asdict(status) for status in statuses] for repository, statuses in state.statuses.items()},
            "labels": state.labels,
        }
        new = path.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=1, default=datetime.isoformat))
        os.replace(new, path)


def load(state: ForgeState, path: Path) -> None:
    """Read what `save` wrote; nothing when there is no file."""
    if not path.exists():
        return
    kept = json.loads(path.read_text())
    for entry in kept["pulls"]:
        state.pulls.setdefault(entry["repository"], []).append(_pull(entry))
    state.statuses = {repository: [Status(**status) for status in statuses] for repository, statuses in kept["statuses"].items()}
    state.labels = kept["labels"]
    state.ids = itertools.count(max((entry["id"] for entry in kept["pulls"]), default=100) + 1)


def _pull(entry: dict[str, Any]) -> Pull:
    known = {field.name for field in fields(Pull)}
    values = {name: value for name, value in entry.items() if name in known}
    return Pull(**values | {name: datetime.fromisoformat(values[name]) for name in TIMES if values.get(name)})
