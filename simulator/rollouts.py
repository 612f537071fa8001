"""The timers behind live objects: rollouts of workloads, hook Jobs, and the faults that keep them from becoming healthy."""

import asyncio
import functools
from collections.abc import Callable

from simulator.cluster import LiveObject
from simulator.faults import Fault
from simulator.shapes import AppKey
from simulator.world import World

_STARTED, _SETTLED = 0.1, 0.9  # parts of a rollout's time
_AFFLICTIONS = {"degraded": "Degraded", "flap": "Degraded", "progressing_forever": "Progressing"}
_EXCEEDED = "Deployment has exceeded its progress deadline"


class Rollouts:
    def __init__(self, world: World, on_change: Callable[[AppKey], None]) -> None:
        self._world = world
        self._on_change = on_change
        world.faults.listen(self._fault_changed)

    def start(self, live: LiveObject) -> None:
        seconds = self._world.config.knobs.rollout_seconds
        for part, step in ((_STARTED, self._add_pods), (_SETTLED, self._drop_old), (1.0, self._finish)):
            self._world.clock.later(seconds * part, functools.partial(self._step, live, live.generation, step))

    def start_job(self, live: LiveObject) -> None:
        """A Job (or a hook's Pod) runs for hook_seconds and succeeds, unless a fault says otherwise."""
        self._world.cluster.start_job(live, self._world.now())
        generation = live.generation
        self._world.clock.later(self._world.config.knobs.hook_seconds, lambda: self._step(live, generation, self._finish_job))

    def _step(self, live: LiveObject, generation: int, step: Callable[[LiveObject], None]) -> None:
        if live.generation == generation:
            step(live)
            self._on_change(live.owner)

    def _add_pods(self, live: LiveObject) -> None:
        self._world.cluster.add_pods(live, self._world.now())

    def _drop_old(self, live: LiveObject) -> None:
        if self._affliction(live) is None:
            self._world.cluster.drop_old_pods(live)

    def _finish(self, live: LiveObject) -> None:
        fault = self._affliction(live)
        if fault is None:
            self._world.cluster.finish_rollout(live)
        else:
            self._afflict(live, fault)

    def _finish_job(self, live: LiveObject) -> None:
        if self._world.faults.find("hook_hang", app=live.owner):
            return
        fault = self._world.faults.take("hook_fail", app=live.owner)
        text = str(fault.parameters.get("text", "Job has reached the specified backoff limit")) if fault else ""
        self._world.cluster.finish_job(live, failure=text)

    def _affliction(self, live: LiveObject) -> Fault | None:
        for kind in _AFFLICTIONS:
            fault = self._world.faults.find(kind, app=live.owner)
            if fault is not None:
                return fault
        return None

    def _afflict(self, live: LiveObject, fault: Fault) -> None:
        status = _AFFLICTIONS[fault.kind]
        message = str(fault.parameters.get("message", "" if status == "Progressing" else f'{_EXCEEDED}: "{live.key.name}"'))
        self._world.cluster.afflict(live, by=fault.id, status=status, message=message)
        if fault.kind == "flap":
            self._flap_later(live, fault, live.generation)

    def _flap_later(self, live: LiveObject, fault: Fault, generation: int) -> None:
        period = float(fault.parameters.get("period", 5))
        self._world.clock.later(period, lambda: self._step(live, generation, lambda obj: self._flap(obj, fault, generation)))

    def _flap(self, live: LiveObject, fault: Fault, generation: int) -> None:
        if fault not in self._world.faults.active:
            return
        if live.afflicted_by == fault.id:
            self._world.cluster.finish_rollout(live)
            self._flap_later(live, fault, generation)
        else:
            self._afflict(live, fault)

    def _fault_changed(self, fault: Fault, has_begun: bool) -> None:
        """`now: true` strikes what already runs; when a fault ends, what it held becomes healthy (or its hook completes)."""
        for app in list(self._world.store.apps.values()):
            if not fault.fits(app.key, ""):
                continue
            for live in self._world.cluster.owned_by(app.key):
                self._apply_fault(live, fault, has_begun)

    def _apply_fault(self, live: LiveObject, fault: Fault, has_begun: bool) -> None:
        if has_begun and fault.kind in _AFFLICTIONS and live.is_workload and live.is_settled and (fault.parameters.get("now") or fault.kind == "flap"):
            self._afflict(live, fault)
        elif not has_begun and live.afflicted_by == fault.id:
            self._world.cluster.finish_rollout(live)
        elif not has_begun and fault.kind == "hook_hang" and live.hook and not live.is_settled:
            asyncio.get_running_loop().call_soon(lambda: self._step(live, live.generation, self._finish_job))
            return
        else:
            return
        self._on_change(live.owner)
