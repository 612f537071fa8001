"""The step that waits for applications of the deployment's scope to exist, or to be synced and healthy. It writes nothing.

Its output variables: `ArgoCD.VerifyArgoApplicationSyncResult` is Synced, Timeout or Failed, the words of Octopus Deploy's step of that name;
`ArgoCD.WaitedForApplications` is a JSON text, for example {"missing": 0, "applications": [{"instance": "eu", "namespace": "argocd",
"name": "shop-web", "health": "Healthy", "sync": "Synced", "revisions": ["8def123…"], "ready": true}]}.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from deployments.models import StepRun
from deployments.observations import observe
from deployments.status import LogLevel, WaitFor
from deployments.steps.asking import refresh
from deployments.steps.leases import Lease
from deployments.steps.progress import Far, Progress
from deployments.steps.records import write_log
from deployments.steps.scope import scope_name, scoping_problems, silent_since, sources_of
from deployments.steps.variables import variables_for
from deployments.templating import render
from deployments.verification import Verdict
from deployments.waiting import Absent, Facts, InvalidHash, Judgement, Span, State, Wanted, judge, parse_hashes
from infrastructure.models import Application, ApplicationSource, ArgoInstance
from infrastructure.selectors import SelectorInvalid, parse_selector
from infrastructure.sentences import counted, duration

RESULT = "ArgoCD.VerifyArgoApplicationSyncResult"
DETAILS = "ArgoCD.WaitedForApplications"
RESULTS = {Verdict.VERIFIED: "Synced", Verdict.FAILED: "Timeout"}
DEFAULT_TIMEOUT_S = 180
REFRESHED_AT_MOST = 500  # the others are compared when their time comes, within three minutes


class NotReadable(Exception):
    """What the step is to wait for cannot be read. The message is a sentence."""


def run(*, step_run: StepRun, lease: Lease, now: datetime) -> Progress:
    """There is nothing to write: the wait begins at once, unless its settings cannot be read."""
    try:
        wanted = wanted_of(step_run)
    except NotReadable as error:
        return _unreadable(step_run, error, now)
    if str(step_run.settings.get("commit_hashes") or "").strip() and not wanted.commits:
        write_log(step_run, "The commit hashes are empty in this deployment: any commit counts.", now, level=LogLevel.WARN)
    until = "without a timeout" if step_run.settings.get("waits_forever") else f"for {duration(_timeout(step_run))} at most"
    what = "to be synced and healthy" if wanted.is_healthy else "to exist"
    at_least = f"at least {counted(wanted.count, 'application')} of {wanted.scope}"
    write_log(step_run, f"Waiting {until} for {at_least}{f' that match {wanted.selector}' if wanted.selector else ''} {what}.", now)
    _ask_for_refresh(step_run, wanted, now)
    return Progress(Far.VERIFYING)


def wait(*, step_run: StepRun, now: datetime) -> Progress:
    """Judge all applications of the scope as they are now. May be called at any time."""
    try:
        judgement = judge_now(step_run, now)
    except NotReadable as error:
        return _unreadable(step_run, error, now)
    if judgement.verdict is Verdict.WAITING:
        return Progress(Far.VERIFYING, judgement.reason, due_at=judgement.check_at)
    _keep_outputs(step_run, {RESULT: RESULTS[judgement.verdict], DETAILS: _details(judgement)})
    if judgement.verdict is Verdict.VERIFIED:
        write_log(step_run, judgement.reason, now)
        return Progress(Far.DONE)
    for state in judgement.matching:
        if state.reason:
            write_log(step_run, f"Waited in vain for application {state.facts.name} {state.reason}.", now, level=LogLevel.ERROR)
    return Progress(Far.FAILED, judgement.reason)


def judge_now(step_run: StepRun, now: datetime) -> Judgement:
    """How the step stands, from what is known of the applications now; also for its page. Raises NotReadable."""
    wanted = wanted_of(step_run)
    applications = _applications(step_run, now)
    short = len(applications) < wanted.count or bool(wanted.selector)
    absent = _absent(step_run, wanted, now) if short else Absent()
    span = Span(step_run.waiting_since or now, deadline_of(step_run, now), timedelta(seconds=settings.HEALTH_DEBOUNCE_SECONDS))
    return judge(wanted, applications, absent, now=now, span=span)


def deadline_of(step_run: StepRun, now: datetime) -> datetime | None:
    """When the step gives up; None: never."""
    return None if step_run.settings.get("waits_forever") else (step_run.waiting_since or now) + _timeout(step_run)


def wanted_of(step_run: StepRun) -> Wanted:
    """What the step's settings ask for, with the variables of its deployment. Raises NotReadable."""
    deployment, chosen = step_run.deployment, step_run.settings
    selector = str(chosen.get("label_selector") or "").strip()
    try:
        parse_selector(selector)
        commits = parse_hashes(_commit_hashes(step_run))
    except (SelectorInvalid, InvalidHash) as error:
        raise NotReadable(str(error)) from error
    return Wanted(
        scope=scope_name(project=deployment.project, environment=deployment.environment, tenant=deployment.tenant),
        count=int(chosen.get("expected_count") or 1),
        selector=selector,
        commits=commits,
        is_healthy=chosen.get("wait_for") != WaitFor.EXISTS,
    )


def _commit_hashes(step_run: StepRun) -> str:
    """The setting, rendered: it may name output variables of earlier steps."""
    template, deployment = str(step_run.settings.get("commit_hashes") or ""), step_run.deployment
    if "#{" not in template:
        return template
    variables = variables_for(
        release=deployment.release,
        environment=deployment.environment,
        tenant=deployment.tenant,
        step_name=step_run.name,
        step_number=step_run.position,
        deployment=deployment,
    )
    rendered = render(template, variables)
    if rendered.errors:
        error, place = rendered.errors[0], f"line {rendered.errors[0].line}, column {rendered.errors[0].column}"
        others = f" And {len(rendered.errors) - 1} more." if len(rendered.errors) > 1 else ""
        raise NotReadable(f"the commit hashes, {place}: {error.sentence}{others}" if error.expression else f"the commit hashes do not parse in {place}.")
    return rendered.text or ""


def _ask_for_refresh(step_run: StepRun, wanted: Wanted, now: datetime) -> None:
    """What Argo CD has not looked at since the last commit may be healthy at an older one. Those at a commit that is asked for are."""
    if not wanted.is_healthy and not wanted.commits:
        return
    requirements = parse_selector(wanted.selector)
    stale: dict[int, Application] = {}
    for source in sources_of(step_run.deployment):
        application = source.application
        is_there = bool(wanted.commits) and any(revision.lower().startswith(wanted.commits) for revision in _revisions(application.content))
        if not is_there and all(each.holds_for(_labels(application.content)) for each in requirements) and silent_since(application.instance, now) is None:
            stale[application.pk] = application
    refresh(step_run, list(stale.values())[:REFRESHED_AT_MOST], now)


def _applications(step_run: StepRun, now: datetime) -> list[Facts]:
    """All applications of the scope, each once however many of its sources are in it."""
    found: dict[int, Facts] = {}
    silent: dict[int, datetime | None] = {}
    for source in sources_of(step_run.deployment).select_related("application__reconciliation"):
        instance = source.application.instance
        if instance.pk not in silent:
            silent[instance.pk] = silent_since(instance, now)
        if source.application_id not in found:
            found[source.application_id] = _facts(source, silent[instance.pk])
    return list(found.values())


def _facts(source: ApplicationSource, silent: datetime | None) -> Facts:
    application = source.application
    reconciliation = getattr(application, "reconciliation", None)
    return Facts(
        name=application.name,
        namespace=application.namespace,
        instance=application.instance.name,
        seen=observe(application.content, position=source.position),
        reported_at=application.reported_at,
        labels=_labels(application.content),
        revisions=_revisions(application.content),
        reconciled_at=reconciliation.reconciled_at if reconciliation else None,
        silent_since=silent,
    )


def _labels(content: Mapping[str, Any]) -> dict[str, str]:
    metadata = content.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, Mapping) else {}


def _revisions(content: Mapping[str, Any]) -> tuple[str, ...]:
    """What Argo CD compares with, of all sources; commits and chart versions."""
    status = content.get("status")
    sync = status.get("sync") if isinstance(status, Mapping) else None
    if not isinstance(sync, Mapping):
        return ()
    several = sync.get("revisions")
    texts = several if isinstance(several, list) and several else [sync.get("revision")]
    return tuple(text for text in texts if isinstance(text, str) and text)


def _absent(step_run: StepRun, wanted: Wanted, now: datetime) -> Absent:
    """What may explain that applications are missing."""
    deployment = step_run.deployment
    mapped = ApplicationSource.objects.filter(
        project=deployment.project, environment=deployment.environment, tenant=deployment.tenant, is_mapped=True, removed_at__isnull=True
    )
    gone = mapped.filter(application__gone_at__gte=deployment.created_at).select_related("application__instance").order_by("-application__gone_at", "pk")
    requirements = parse_selector(wanted.selector)
    vanished = [
        (source.application.name, source.application.instance.name, source.application.gone_at)
        for source in gone[:20]
        if source.application.gone_at and all(each.holds_for(_labels(source.application.content)) for each in requirements)
    ]
    instances = ArgoInstance.objects.filter(environments=deployment.environment).select_related("gateway").order_by("name")
    silent = [(instance.name, since) for instance in instances if (since := silent_since(instance, now)) is not None]
    problems = scoping_problems(project=deployment.project, environment=deployment.environment)
    return Absent(gone=tuple(vanished), problems=tuple(problems), silent=tuple(silent))


def _unreadable(step_run: StepRun, error: NotReadable, now: datetime) -> Progress:
    reason = f"Failed: {error}"
    write_log(step_run, reason, now, level=LogLevel.ERROR)
    _keep_outputs(step_run, {RESULT: "Failed"})
    return Progress(Far.FAILED, reason)


def _keep_outputs(step_run: StepRun, outputs: dict[str, str]) -> None:
    step_run.outputs = {**step_run.outputs, **outputs}
    step_run.save(update_fields=["outputs"])


def _details(judgement: Judgement) -> str:
    return json.dumps({"missing": judgement.missing, "applications": [*map(_described, judgement.matching)]}, ensure_ascii=False)


def _described(state: State) -> dict[str, Any]:
    facts = state.facts
    return {
        "instance": facts.instance,
        "namespace": facts.namespace,
        "name": facts.name,
        "health": facts.seen.health or "Unknown",
        "sync": facts.seen.sync_status or "Unknown",
        "revisions": list(facts.revisions),
        "ready": not state.reason,
    }


def _timeout(step_run: StepRun) -> timedelta:
    return timedelta(seconds=int(step_run.settings.get("timeout_s") or DEFAULT_TIMEOUT_S))


def described_applications(outputs: Mapping[str, Any]) -> tuple[int | None, list[dict[str, Any]]]:
    """How many were missing when the step ended, None if it has not, and the applications, from its output variables."""
    try:
        details = json.loads(str(outputs.get(DETAILS) or "{}"))
    except ValueError:
        return None, []
    return details.get("missing"), [entry for entry in details.get("applications", []) if isinstance(entry, dict)]
