from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    DONE: _ClassVar[Outcome]
    REFUSED: _ClassVar[Outcome]
    NOT_FOUND: _ClassVar[Outcome]
    DENIED: _ClassVar[Outcome]
    INVALID: _ClassVar[Outcome]
    BUSY: _ClassVar[Outcome]
    UNAVAILABLE: _ClassVar[Outcome]
    UNCONFIRMED: _ClassVar[Outcome]
    TIMED_OUT: _ClassVar[Outcome]
OUTCOME_UNSPECIFIED: Outcome
DONE: Outcome
REFUSED: Outcome
NOT_FOUND: Outcome
DENIED: Outcome
INVALID: Outcome
BUSY: Outcome
UNAVAILABLE: Outcome
UNCONFIRMED: Outcome
TIMED_OUT: Outcome

class EnrolRequest(_message.Message):
    __slots__ = ("public_key", "proof", "gateway_version")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    proof: bytes
    gateway_version: str
    def __init__(self, public_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., gateway_version: _Optional[str] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("instance", "key_id")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    instance: str
    key_id: str
    def __init__(self, instance: _Optional[str] = ..., key_id: _Optional[str] = ...) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ("public_key", "proof")
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    public_key: bytes
    proof: bytes
    def __init__(self, public_key: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class RotateKeyResponse(_message.Message):
    __slots__ = ("key_id",)
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    def __init__(self, key_id: _Optional[str] = ...) -> None: ...

class GatewayMessage(_message.Message):
    __slots__ = ("hello", "reports", "reconciled", "heartbeat", "health", "result", "checksum")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    RECONCILED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    reports: ReportBatch
    reconciled: ReconciledTimes
    heartbeat: Heartbeat
    health: HealthReport
    result: CommandResult
    checksum: Checksum
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., reports: _Optional[_Union[ReportBatch, _Mapping]] = ..., reconciled: _Optional[_Union[ReconciledTimes, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., health: _Optional[_Union[HealthReport, _Mapping]] = ..., result: _Optional[_Union[CommandResult, _Mapping]] = ..., checksum: _Optional[_Union[Checksum, _Mapping]] = ...) -> None: ...

class HubMessage(_message.Message):
    __slots__ = ("welcome", "ack", "command", "cancel", "snapshot", "rotate", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    ROTATE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: Ack
    command: Command
    cancel: CancelCommand
    snapshot: SnapshotRequest
    rotate: RotateRequest
    heartbeat: Heartbeat
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., command: _Optional[_Union[Command, _Mapping]] = ..., cancel: _Optional[_Union[CancelCommand, _Mapping]] = ..., snapshot: _Optional[_Union[SnapshotRequest, _Mapping]] = ..., rotate: _Optional[_Union[RotateRequest, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("epoch", "gateway_version", "argocd_version", "capabilities", "checksum", "instance_id")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARGOCD_VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    gateway_version: str
    argocd_version: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    checksum: str
    instance_id: str
    def __init__(self, epoch: _Optional[int] = ..., gateway_version: _Optional[str] = ..., argocd_version: _Optional[str] = ..., capabilities: _Optional[_Iterable[str]] = ..., checksum: _Optional[str] = ..., instance_id: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("epoch", "send_snapshot", "heartbeat_seconds", "max_batch")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEND_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    send_snapshot: bool
    heartbeat_seconds: int
    max_batch: int
    def __init__(self, epoch: _Optional[int] = ..., send_snapshot: _Optional[bool] = ..., heartbeat_seconds: _Optional[int] = ..., max_batch: _Optional[int] = ...) -> None: ...

class ReportBatch(_message.Message):
    __slots__ = ("sequence", "is_snapshot", "is_snapshot_end", "applications")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IS_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    IS_SNAPSHOT_END_FIELD_NUMBER: _ClassVar[int]
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    is_snapshot: bool
    is_snapshot_end: bool
    applications: _containers.RepeatedCompositeFieldContainer[ApplicationReport]
    def __init__(self, sequence: _Optional[int] = ..., is_snapshot: _Optional[bool] = ..., is_snapshot_end: _Optional[bool] = ..., applications: _Optional[_Iterable[_Union[ApplicationReport, _Mapping]]] = ...) -> None: ...

class ApplicationReport(_message.Message):
    __slots__ = ("namespace", "name", "uid", "is_deleted", "content", "digest", "reconciled_at")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    IS_DELETED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    RECONCILED_AT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    is_deleted: bool
    content: bytes
    digest: str
    reconciled_at: int
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ..., is_deleted: _Optional[bool] = ..., content: _Optional[bytes] = ..., digest: _Optional[str] = ..., reconciled_at: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("sequence", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    error: str
    def __init__(self, sequence: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ReconciledTimes(_message.Message):
    __slots__ = ("entries",)
    class Entry(_message.Message):
        __slots__ = ("namespace", "name", "reconciled_at")
        NAMESPACE_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        RECONCILED_AT_FIELD_NUMBER: _ClassVar[int]
        namespace: str
        name: str
        reconciled_at: int
        def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., reconciled_at: _Optional[int] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[ReconciledTimes.Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[ReconciledTimes.Entry, _Mapping]]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sent_at",)
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    sent_at: int
    def __init__(self, sent_at: _Optional[int] = ...) -> None: ...

class Checksum(_message.Message):
    __slots__ = ("checksum", "applications")
    CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    checksum: str
    applications: int
    def __init__(self, checksum: _Optional[str] = ..., applications: _Optional[int] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class RotateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HealthReport(_message.Message):
    __slots__ = ("legs", "checked_at", "registries")
    LEGS_FIELD_NUMBER: _ClassVar[int]
    CHECKED_AT_FIELD_NUMBER: _ClassVar[int]
    REGISTRIES_FIELD_NUMBER: _ClassVar[int]
    legs: _containers.RepeatedCompositeFieldContainer[Leg]
    checked_at: int
    registries: DefaultRegistries
    def __init__(self, legs: _Optional[_Iterable[_Union[Leg, _Mapping]]] = ..., checked_at: _Optional[int] = ..., registries: _Optional[_Union[DefaultRegistries, _Mapping]] = ...) -> None: ...

class DefaultRegistries(_message.Message):
    __slots__ = ("by_destination",)
    class ByDestinationEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BY_DESTINATION_FIELD_NUMBER: _ClassVar[int]
    by_destination: _containers.ScalarMap[str, str]
    def __init__(self, by_destination: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Leg(_message.Message):
    __slots__ = ("leg", "status", "evidence", "advice", "duration_ms")
    LEG_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    leg: str
    status: str
    evidence: str
    advice: str
    duration_ms: int
    def __init__(self, leg: _Optional[str] = ..., status: _Optional[str] = ..., evidence: _Optional[str] = ..., advice: _Optional[str] = ..., duration_ms: _Optional[int] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("id", "timeout_ms", "refresh", "sync", "terminate", "detail", "tree", "diff", "manifests", "events", "logs", "preflight")
    ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    REFRESH_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    TREE_FIELD_NUMBER: _ClassVar[int]
    DIFF_FIELD_NUMBER: _ClassVar[int]
    MANIFESTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    PREFLIGHT_FIELD_NUMBER: _ClassVar[int]
    id: str
    timeout_ms: int
    refresh: Refresh
    sync: Sync
    terminate: Terminate
    detail: ApplicationDetail
    tree: ResourceTree
    diff: Diff
    manifests: Manifests
    events: Events
    logs: Logs
    preflight: Preflight
    def __init__(self, id: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., refresh: _Optional[_Union[Refresh, _Mapping]] = ..., sync: _Optional[_Union[Sync, _Mapping]] = ..., terminate: _Optional[_Union[Terminate, _Mapping]] = ..., detail: _Optional[_Union[ApplicationDetail, _Mapping]] = ..., tree: _Optional[_Union[ResourceTree, _Mapping]] = ..., diff: _Optional[_Union[Diff, _Mapping]] = ..., manifests: _Optional[_Union[Manifests, _Mapping]] = ..., events: _Optional[_Union[Events, _Mapping]] = ..., logs: _Optional[_Union[Logs, _Mapping]] = ..., preflight: _Optional[_Union[Preflight, _Mapping]] = ...) -> None: ...

class CancelCommand(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ApplicationKey(_message.Message):
    __slots__ = ("namespace", "name", "project", "uid")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    project: str
    uid: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., project: _Optional[str] = ..., uid: _Optional[str] = ...) -> None: ...

class Refresh(_message.Message):
    __slots__ = ("application", "hard")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    HARD_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    hard: bool
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., hard: _Optional[bool] = ...) -> None: ...

class Sync(_message.Message):
    __slots__ = ("application", "sync_id", "deployment", "revisions", "positions", "prune", "dry_run")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    SYNC_ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    PRUNE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    sync_id: str
    deployment: str
    revisions: _containers.RepeatedScalarFieldContainer[str]
    positions: _containers.RepeatedScalarFieldContainer[int]
    prune: bool
    dry_run: bool
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., sync_id: _Optional[str] = ..., deployment: _Optional[str] = ..., revisions: _Optional[_Iterable[str]] = ..., positions: _Optional[_Iterable[int]] = ..., prune: _Optional[bool] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class Terminate(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ...) -> None: ...

class ApplicationDetail(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ...) -> None: ...

class ResourceTree(_message.Message):
    __slots__ = ("application",)
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ...) -> None: ...

class Diff(_message.Message):
    __slots__ = ("application", "group", "kind", "namespace", "name")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    group: str
    kind: str
    namespace: str
    name: str
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., group: _Optional[str] = ..., kind: _Optional[str] = ..., namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class Manifests(_message.Message):
    __slots__ = ("application", "revisions")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    revisions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., revisions: _Optional[_Iterable[str]] = ...) -> None: ...

class Events(_message.Message):
    __slots__ = ("application", "resource_namespace", "resource_name", "resource_uid")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_UID_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    resource_namespace: str
    resource_name: str
    resource_uid: str
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., resource_namespace: _Optional[str] = ..., resource_name: _Optional[str] = ..., resource_uid: _Optional[str] = ...) -> None: ...

class Logs(_message.Message):
    __slots__ = ("application", "namespace", "pod", "container", "tail_lines", "follow")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    POD_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    TAIL_LINES_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    application: ApplicationKey
    namespace: str
    pod: str
    container: str
    tail_lines: int
    follow: bool
    def __init__(self, application: _Optional[_Union[ApplicationKey, _Mapping]] = ..., namespace: _Optional[str] = ..., pod: _Optional[str] = ..., container: _Optional[str] = ..., tail_lines: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class Preflight(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CommandResult(_message.Message):
    __slots__ = ("id", "outcome", "message", "content", "has_more")
    ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    id: str
    outcome: Outcome
    message: str
    content: bytes
    has_more: bool
    def __init__(self, id: _Optional[str] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., message: _Optional[str] = ..., content: _Optional[bytes] = ..., has_more: _Optional[bool] = ...) -> None: ...

class RelayRequest(_message.Message):
    __slots__ = ("instance_id", "command")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    instance_id: int
    command: Command
    def __init__(self, instance_id: _Optional[int] = ..., command: _Optional[_Union[Command, _Mapping]] = ...) -> None: ...

class KickRequest(_message.Message):
    __slots__ = ("instance_id", "reason", "rotate")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ROTATE_FIELD_NUMBER: _ClassVar[int]
    instance_id: int
    reason: str
    rotate: bool
    def __init__(self, instance_id: _Optional[int] = ..., reason: _Optional[str] = ..., rotate: _Optional[bool] = ...) -> None: ...

class KickResponse(_message.Message):
    __slots__ = ("was_connected",)
    WAS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    was_connected: bool
    def __init__(self, was_connected: _Optional[bool] = ...) -> None: ...
