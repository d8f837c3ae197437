"""What each error code means: the gRPC status that carries it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Code


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means to a caller: gRPC status name, and what to do."""

    status: str
    advice: str


CATALOGUE: dict[Code, Meaning] = {
    Code.BAD_RECIPE: Meaning(
        "INVALID_ARGUMENT", "Run `bitgauge recipes` for the recipes that can be built."
    ),
    Code.BAD_MODEL: Meaning(
        "INVALID_ARGUMENT", "Check the file with `python -m onnx.checker`, or export it again."
    ),
    Code.WRONG_ARTIFACT_KIND: Meaning(
        "INVALID_ARGUMENT",
        "Name a runtime that takes it with --runtime; `bitgauge devices --kernels` says which do.",
    ),
    Code.BAD_EVALUATION_SET: Meaning(
        "INVALID_ARGUMENT",
        "An evaluation set is an .npz with inputs/<name> for each model input, labels and ids;"
        " first axis is samples.",
    ),
    Code.BAD_CALIBRATION_SET: Meaning(
        "INVALID_ARGUMENT",
        "A calibration set is an .npz with inputs/<name> for each model input;"
        " it shares no sample with the evaluation set.",
    ),
    Code.BAD_ARGUMENT: Meaning("INVALID_ARGUMENT", "Correct the value and call again."),
    Code.BUILD_FAILED: Meaning(
        "FAILED_PRECONDITION",
        "The quantizer could not handle this model; build the artifact another way and submit it.",
    ),
    Code.BUILD_TOOLS_MISSING: Meaning(
        "UNAVAILABLE",
        "Install the quantizers beside the coordinator: pip install 'bitgauge[build]'.",
    ),
    Code.LIBRARY_MISSING: Meaning("UNAVAILABLE", "Run: pip install 'bitgauge[report]'."),
    Code.BAD_RAW: Meaning(
        "DATA_LOSS", "The raw file is not what its record says; run the entry again."
    ),
    Code.FILE_UNREADABLE: Meaning("NOT_FOUND", "Check the path and its permissions."),
    Code.REFUSED_FORMAT: Meaning(
        "INVALID_ARGUMENT",
        "Pickles and prebuilt engines are programs and are never accepted; submit ONNX.",
    ),
    Code.DIGEST_MISMATCH: Meaning(
        "INVALID_ARGUMENT", "The bytes were changed on the way; send the blob again."
    ),
    Code.BLOB_MISSING: Meaning("FAILED_PRECONDITION", "Upload the blob, then call again."),
    Code.BLOB_OFFSET: Meaning("OUT_OF_RANGE", "Ask QueryWrite where to continue."),
    Code.BLOB_TOO_LARGE: Meaning("RESOURCE_EXHAUSTED", "Raise the coordinator's blob size limit."),
    Code.BLOB_LIMIT: Meaning(
        "RESOURCE_EXHAUSTED",
        "Start `bitgauge up` with a larger --blob-limit; what results refer to is never deleted.",
    ),
    Code.UPLOAD_IDLE: Meaning(
        "DEADLINE_EXCEEDED",
        "Send the rest faster; what came is kept, ask QueryWrite where it ends.",
    ),
    Code.NO_MATCHING_DEVICE: Meaning(
        "FAILED_PRECONDITION",
        "Loosen the selector, start an agent that meets it, or queue the job with --wait.",
    ),
    Code.NOT_CERTIFIABLE: Meaning(
        "FAILED_PRECONDITION",
        "Certify a real device with a runtime that it has: `bitgauge devices` shows them.",
    ),
    Code.UNKNOWN_JOB: Meaning("NOT_FOUND", "Run `bitgauge jobs` for the jobs there are."),
    Code.UNKNOWN_RUN: Meaning(
        "NOT_FOUND", "Run `bitgauge table --json` for the run ids there are."
    ),
    Code.UNKNOWN_CAMPAIGN: Meaning(
        "NOT_FOUND", "Run `bitgauge campaigns` for the campaigns there are."
    ),
    Code.UNKNOWN_SCHEDULE: Meaning(
        "NOT_FOUND", "Run `bitgauge schedules` for the schedules there are."
    ),
    Code.CAMPAIGN_STATE: Meaning(
        "FAILED_PRECONDITION", "Run `bitgauge campaigns` for how each of them is."
    ),
    Code.BAD_SUITE: Meaning(
        "INVALID_ARGUMENT", "Correct the file; docs/refreshing.md shows what a suite may say."
    ),
    Code.UNKNOWN_DEVICE: Meaning("NOT_FOUND", "Run `bitgauge devices` for the devices there are."),
    Code.UNKNOWN_REGRESSION: Meaning(
        "NOT_FOUND", "Run `bitgauge regressions --all` for the regressions there are."
    ),
    Code.RUNTIME_MISSING: Meaning(
        "FAILED_PRECONDITION", "Install the runtime on the device, then restart its agent."
    ),
    Code.UNKNOWN_PLUGIN: Meaning(
        "INVALID_ARGUMENT", "Run `bitgauge-agent describe` for what this device has."
    ),
    Code.DEVICE_MISSING: Meaning(
        "NOT_FOUND", "Attach it, or leave --device out to serve every real device that is found."
    ),
    Code.PLUGIN_CONFLICT: Meaning(
        "FAILED_PRECONDITION", "Give one of the two files another NAME, or remove it."
    ),
    Code.UNSUPPORTED_ARTIFACT: Meaning(
        "FAILED_PRECONDITION", "Choose another recipe, runtime or device for this model."
    ),
    Code.RUN_FAILED: Meaning(
        "FAILED_PRECONDITION", "Try the artifact with the runtime alone, on the same inputs."
    ),
    Code.OUT_OF_MEMORY: Meaning(
        "RESOURCE_EXHAUSTED", "Choose a smaller batch or artifact, or a device with more memory."
    ),
    Code.AGENT_RUNNING: Meaning(
        "FAILED_PRECONDITION", "Stop the first agent, or give this one another --home."
    ),
    Code.SANDBOX_UNAVAILABLE: Meaning(
        "FAILED_PRECONDITION",
        "Choose another --sandbox level, or leave the choice to the agent;"
        " `bitgauge-agent describe` shows which levels work.",
    ),
    Code.SANDBOX_REQUIRED: Meaning(
        "FAILED_PRECONDITION",
        "Install bubblewrap on the device; or start the agent with --allow-unsandboxed, if you"
        " trust everybody who may submit artifacts to this coordinator.",
    ),
    Code.SANDBOX_DENIED: Meaning(
        "PERMISSION_DENIED",
        "An artifact gets no network and no file but itself; find out why this one asks for more.",
    ),
    Code.EXTERNAL_DATA: Meaning(
        "INVALID_ARGUMENT", "Save the model as one file that holds its weights."
    ),
    Code.FILE_LIMIT: Meaning(
        "RESOURCE_EXHAUSTED", "A run may write no file above 4 GiB and open 256 at most."
    ),
    Code.PROCESS_LIMIT: Meaning(
        "RESOURCE_EXHAUSTED", "Use fewer threads; an artifact has no reason to start processes."
    ),
    Code.BAD_RESULT: Meaning(
        "DATA_LOSS", "The artifact or its runtime meddled with the result; do not trust it."
    ),
    Code.JOB_ENDED: Meaning("FAILED_PRECONDITION", "The job has ended; submit a new one."),
    Code.IDEMPOTENCY_CONFLICT: Meaning(
        "ALREADY_EXISTS", "Use a new idempotency key for a different job."
    ),
    Code.LEASE_LOST: Meaning(
        "ABORTED", "The lease has passed to another claim; stop and acquire again."
    ),
    Code.ILLEGAL_TRANSITION: Meaning("FAILED_PRECONDITION", "The job is not in that state."),
    Code.UNAUTHENTICATED: Meaning(
        "UNAUTHENTICATED",
        "Point BITGAUGE_HOME at the coordinator's state folder, or give --token-file.",
    ),
    Code.FORBIDDEN: Meaning("PERMISSION_DENIED", "Use a token whose role allows this call."),
    Code.BAD_JOIN_LINE: Meaning(
        "INVALID_ARGUMENT", "Copy the whole line that `bitgauge join-line` prints."
    ),
    Code.JOIN_REFUSED: Meaning(
        "PERMISSION_DENIED", "Ask for a new line: `bitgauge join-line` beside the coordinator."
    ),
    Code.PIN_MISMATCH: Meaning(
        "FAILED_PRECONDITION",
        "Another coordinator, or somebody in between, answers there; nothing was sent to it."
        " Check the address and ask for a new line or token.",
    ),
    Code.CERTIFICATE_EXPIRED: Meaning(
        "UNAUTHENTICATED",
        "Check the clock; then join again with a new line: `bitgauge join-line` beside the"
        " coordinator. What was measured is kept.",
    ),
    Code.NAME_TAKEN: Meaning(
        "ALREADY_EXISTS", "Choose another name, or revoke the first with `bitgauge token revoke`."
    ),
    Code.DEVICE_RETIRED: Meaning(
        "FAILED_PRECONDITION",
        "Its results stay; to use the board again, start its agent with another --home.",
    ),
    Code.QUEUE_QUOTA: Meaning(
        "RESOURCE_EXHAUSTED", "Wait until some have ended, or cancel some: `bitgauge cancel JOB`."
    ),
    Code.UNKNOWN_TOKEN: Meaning("NOT_FOUND", "Run `bitgauge token list` for the tokens there are."),
    Code.NO_TLS: Meaning(
        "FAILED_PRECONDITION", "Start the coordinator with `bitgauge up --listen ADDRESS`."
    ),
    Code.INSECURE_ADDRESS: Meaning(
        "FAILED_PRECONDITION",
        "Devices join with the line of `bitgauge join-line`; people use a token of"
        " `bitgauge token create` and the TLS port that `bitgauge up --listen` names.",
    ),
    Code.SURPRISE_SOCKET: Meaning(
        "FAILED_PRECONDITION",
        "End what opened it, or report it; Bitgauge serves only beside sockets that it knows.",
    ),
    Code.PROTOCOL_VERSION: Meaning(
        "FAILED_PRECONDITION", "Install the same Bitgauge version on agent and coordinator."
    ),
    Code.UNREACHABLE: Meaning(
        "UNAVAILABLE", "Start it with `bitgauge up`, or name another with --coordinator HOST:PORT."
    ),
    Code.PORT_IN_USE: Meaning(
        "FAILED_PRECONDITION", "Stop the other process or choose another port with --port."
    ),
    Code.COORDINATOR_RUNNING: Meaning(
        "FAILED_PRECONDITION", "Stop the first coordinator, or set another BITGAUGE_HOME."
    ),
    Code.INSECURE_LISTEN: Meaning(
        "FAILED_PRECONDITION",
        "Use `bitgauge up --listen ADDRESS[:PORT]`: it makes a certificate, serves over TLS and"
        " prints the line with which a device joins.",
    ),
    Code.RAY_INSECURE: Meaning(
        "FAILED_PRECONDITION", "Start the Ray cluster with RAY_AUTH_MODE=token."
    ),
    Code.STORE_DAMAGED: Meaning(
        "DATA_LOSS", "Put a backup back with `bitgauge restore BACKUP --replace`."
    ),
    Code.STORE_NEWER: Meaning(
        "FAILED_PRECONDITION", "Install the newer Bitgauge that wrote this database."
    ),
    Code.STORE_MISSING: Meaning("NOT_FOUND", "Run `bitgauge demo` or `bitgauge up` to make one."),
    Code.STORE_OLDER: Meaning(
        "FAILED_PRECONDITION", "Start `bitgauge up` on it once; that brings it up to date."
    ),
    Code.STORE_UNRELEASED: Meaning(
        "FAILED_PRECONDITION",
        "Begin a new state folder with --home; the Bitgauge that wrote this one can still read it.",
    ),
    Code.STORE_BUSY: Meaning("UNAVAILABLE", "End the other process; then call again."),
    Code.STORE_IO: Meaning("UNAVAILABLE", "Check the disk and the permissions of its folder."),
    Code.BAD_TABLE_FILE: Meaning(
        "DATA_LOSS", "Write it again: `bitgauge export --format json -o FILE`."
    ),
    Code.TABLE_FILE_NEWER: Meaning(
        "FAILED_PRECONDITION", "Install the newer Bitgauge that wrote this file."
    ),
    Code.NOT_IN_TABLE_FILE: Meaning(
        "FAILED_PRECONDITION", "Ask a coordinator, or its database with --db PATH."
    ),
    Code.BACKUP_DAMAGED: Meaning("DATA_LOSS", "Nothing was changed; restore another backup."),
    Code.BACKUP_INCOMPLETE: Meaning(
        "DATA_LOSS",
        "Run `bitgauge check` for the whole list; --allow-damaged backs up all the rest.",
    ),
    Code.HOME_NOT_EMPTY: Meaning(
        "FAILED_PRECONDITION", "Give --replace; the database that is there is kept beside it."
    ),
    Code.NOT_OWNER: Meaning("PERMISSION_DENIED", "Run the command as that user, with sudo -u."),
    Code.DISK_FULL: Meaning("RESOURCE_EXHAUSTED", "Free disk space; nothing needs a restart."),
    Code.TASK_LOST: Meaning("UNAVAILABLE", "Call again; the coordinator's log says what ended it."),
    Code.START_FAILED: Meaning("INTERNAL", "Read the log named above."),
    Code.INTERNAL: Meaning(
        "INTERNAL", "This is a defect of Bitgauge; please report it with the log."
    ),
}
