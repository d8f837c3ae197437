"""What each error code means: the gRPC status that carries it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Code


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means to a caller: gRPC status name, and what to do."""

    status: str
    advice: str


_ADVICE: dict[str, dict[Code, str]] = {
    "INVALID_ARGUMENT": {
        Code.BAD_RECIPE: "Run `bitgauge recipes` for the recipes that can be built.",
        Code.BAD_MODEL: "Export it again; for ONNX, `python -m onnx.checker` says more.",
        Code.DOUBLE_PRECISION: (
            "Give --float32 to have its doubles converted, or export it in float32."
        ),
        Code.WRONG_ARTIFACT_KIND: (
            "Name a runtime that takes it with --runtime; `bitgauge devices NAME` says which do."
        ),
        Code.BAD_EVALUATION_SET: (
            "An evaluation set is an .npz with inputs/<name> for each model input, labels and ids,"
            " first axis samples; of a language model, with documents/<id> and its tokenizer."
        ),
        Code.BAD_SOURCE: "See `bitgauge set make --help` for what sets are made of, and how.",
        Code.BAD_CALIBRATION_SET: (
            "A calibration set is an .npz with inputs/<name> for each model input, or"
            " documents/<id> of a language model; it shares no sample with the evaluation set."
        ),
        Code.BAD_ARGUMENT: "Correct the value and call again.",
        Code.CONTEXT_OVERFLOW: "Ask for fewer tokens, or give the model a larger context.",
        Code.EMPTY_PROMPT: "Give at least one token.",
        Code.OUTSIDE_VOCABULARY: "Make the tokens with the tokenizer of this model.",
        Code.BAD_EVIDENCE: (
            "Measure the entry again: the raw files of a run are its own, and each is named once."
        ),
        Code.REFUSED_FORMAT: (
            "Pickles and prebuilt engines are programs and are never accepted; submit ONNX."
        ),
        Code.DIGEST_MISMATCH: "The bytes were changed on the way; send the blob again.",
        Code.BAD_SUITE: "Correct the file; docs/refreshing.md shows what a suite may say.",
        Code.BAD_POLICY: "Correct the file; docs/gating.md shows what a policy may say.",
        Code.BAD_NOTICES: "Correct the file; benchmarks/notices/known-issues.toml is an example.",
        Code.BAD_GATES: "Correct the file; docs/gating.md lists every key.",
        Code.UNKNOWN_PLUGIN: "Run `bitgauge-agent describe` for what this device has.",
        Code.EXTERNAL_DATA: (
            "Keep the files that the model names in its own folder or below, as plain files, and"
            " send it from where onnx is installed."
        ),
        Code.BAD_ENVIRONMENT: (
            "A builder environment is a lock.txt whose lines are all NAME==VERSION; docs/adding.md"
            " shows one."
        ),
        Code.BAD_JOIN_LINE: "Copy the whole line that `bitgauge join-line` prints.",
    },
    "FAILED_PRECONDITION": {
        Code.BUILD_FAILED: (
            "The quantizer could not handle this model; build the artifact another way and submit"
            " it."
        ),
        Code.STEP_CRASHED: (
            "Try the model with ONNX Runtime alone; another version of the library may take it."
        ),
        Code.BLOB_MISSING: "Upload the blob, then call again.",
        Code.NO_MATCHING_DEVICE: (
            "Loosen the selector, start an agent that meets it, or queue the job with --wait."
        ),
        Code.ALIAS_REFUSED: (
            "Have its gate pass it with `bitgauge gate RUN`, or give --by NAME and --reason TEXT."
        ),
        Code.WITHHELD: ("Have its gate pass it, or ask the coordinator with --ungated REASON."),
        Code.NOT_APPROVABLE: (
            "Change the limit in gates.toml, where it is reviewed, and gate the run again."
        ),
        Code.NOT_GATEABLE: "Measure it again, and gate the run of that.",
        Code.NOT_CERTIFIABLE: (
            "Certify a real device with a runtime that it has: `bitgauge devices` shows them."
        ),
        Code.CAMPAIGN_STATE: "Run `bitgauge campaigns` for how each of them is.",
        Code.DEVICE_LOST: (
            "Look at the kernel's log of its machine; after a restart `bitgauge uncordon` takes it"
            " up again."
        ),
        Code.DEVICE_FAULT: (
            "Look up the number in the driver's documentation and in the kernel's log; then"
            " `bitgauge uncordon`."
        ),
        Code.MEMORY_FAULT: (
            "Restart its machine, which sets bad rows aside; if it comes back, have the card"
            " replaced. Then `bitgauge uncordon`."
        ),
        Code.DRIVER_MISSING: "Run `bitgauge-agent doctor`: it says what is missing.",
        Code.DRIVER_CHANGED: "Restart its agent, which looks at it anew; then `bitgauge uncordon`.",
        Code.DRIVER_TOO_OLD: (
            "Install a newer driver on the device, or the runtime in a version that is built for an"
            " older CUDA; then restart its agent."
        ),
        Code.DEVICE_HIDDEN: (
            "Install nvidia-container-toolkit on the host and start the container with --gpus all"
            " and NVIDIA_DRIVER_CAPABILITIES=compute,utility."
        ),
        Code.DEVICE_DIVIDED: (
            "Restart its agent, which serves what the card consists of now; `nvidia-smi -mig 0`"
            " makes it whole again. Then `bitgauge uncordon`."
        ),
        Code.DEVICE_TAKEN: (
            "End the process that has the card, or let several have it, as root: nvidia-smi -c"
            " DEFAULT."
        ),
        Code.CLOCKS_NOT_PINNED: (
            "Start the agent as root with a clock that `nvidia-smi -q -d SUPPORTED_CLOCKS` lists,"
            " or without --pin-clocks; `nvidia-smi -rgc` lets go what stays pinned."
        ),
        Code.DEVICE_SLOWED: (
            "Cool the card, raise its power limit, or start the agent with --pin-clocks and a clock"
            " that it keeps."
        ),
        Code.RUNTIME_UNSUPPORTED: (
            "Install the runtime in a version that `bitgauge-agent doctor` names, and for this"
            " card; then restart its agent."
        ),
        Code.FOREIGN_ENGINE: (
            "Submit the ONNX file: the engine is built on the device that executes it."
        ),
        Code.RUNTIME_MISSING: "Install the runtime on the device, then restart its agent.",
        Code.WRONG_ARCHITECTURE: (
            "Install the package on the device itself, or from a wheelhouse that was made for its"
            " architecture; then restart its agent."
        ),
        Code.PHONE_UNAUTHORIZED: (
            "Unlock the phone and allow this computer in its dialogue; where this user may not use"
            " the USB device, install deploy/android/51-android.rules and plug it in again."
        ),
        Code.PHONE_CHARGING: (
            "Reach the phone by Wi-Fi and take its charger and cable off, or leave energy out."
        ),
        Code.PHONE_PYTHON: (
            "Give it a Python and packages for it: deploy/android says which and where from."
        ),
        Code.PLUGIN_CONFLICT: "Give one of the two files another NAME, or remove it.",
        Code.UNSUPPORTED_ARTIFACT: "Choose another recipe, runtime or device for this model.",
        Code.RUN_FAILED: "Try the artifact with the runtime alone, on the same inputs.",
        Code.OPSET_TOO_NEW: (
            "Install a newer version of the runtime on the device, or export the model for an older"
            " opset."
        ),
        Code.FELL_BACK: (
            "Leave these operators in a form that the accelerator takes, or measure the artifact"
            " without the provider."
        ),
        Code.ACCELERATOR_MISSING: (
            "Install the board's driver for its accelerator and let the agent's user open its"
            " device nodes; docs/qualcomm.md names them. Then restart the agent."
        ),
        Code.UNKNOWN_SOC: (
            "Add the chip to agents/devices/qualcomm/socs.py, from what its vendor says of it; or"
            " measure without the provider."
        ),
        Code.PROVIDER_FAILED: (
            "Install the provider's package in the version that this one was tried with, beside the"
            " runtime that it was built for."
        ),
        Code.PROVIDER_CRASHED: (
            "Look at the log; try another version of the provider's package or of the board's"
            " driver, or measure without the provider."
        ),
        Code.AGENT_RUNNING: "Stop the first agent, or give this one another --home.",
        Code.SANDBOX_UNAVAILABLE: (
            "Choose another --sandbox level, or leave the choice to the agent; `bitgauge-agent"
            " describe` shows which levels work."
        ),
        Code.SANDBOX_REQUIRED: (
            "Install bubblewrap on the device; or start the agent with --allow-unsandboxed, if you"
            " trust everybody who may submit artifacts to this coordinator."
        ),
        Code.JOB_ENDED: "The job has ended; submit a new one.",
        Code.ILLEGAL_TRANSITION: "The job is not in that state.",
        Code.PIN_MISMATCH: (
            "Another coordinator, or somebody in between, answers there; nothing was sent to it."
            " Check the address and ask for a new line or token."
        ),
        Code.DEVICE_RETIRED: (
            "Its results stay; to use the board again, start its agent with another --home."
        ),
        Code.NO_TLS: "Start the coordinator with `bitgauge up --listen ADDRESS`.",
        Code.INSECURE_ADDRESS: (
            "Devices join with the line of `bitgauge join-line`; people use a token of `bitgauge"
            " token create` and the TLS port that `bitgauge up --listen` names."
        ),
        Code.SURPRISE_SOCKET: (
            "End what opened it, or report it; Bitgauge serves only beside sockets that it knows."
        ),
        Code.PROTOCOL_VERSION: "Install the same Bitgauge version on agent and coordinator.",
        Code.PORT_IN_USE: "Stop the other process or choose another port with --port.",
        Code.COORDINATOR_RUNNING: "Stop the first coordinator, or set another BITGAUGE_HOME.",
        Code.INSECURE_LISTEN: (
            "Use `bitgauge up --listen ADDRESS[:PORT]`: it makes a certificate, serves over TLS and"
            " prints the line with which a device joins."
        ),
        Code.RAY_INSECURE: "Start the Ray cluster with RAY_AUTH_MODE=token.",
        Code.STORE_NEWER: "Install the newer Bitgauge that wrote this database.",
        Code.STORE_OLDER: "Start `bitgauge up` on it once; that brings it up to date.",
        Code.STORE_UNRELEASED: (
            "Begin a new state folder with --home; the Bitgauge that wrote this one can still read"
            " it."
        ),
        Code.TABLE_FILE_NEWER: "Install the newer Bitgauge that wrote this file.",
        Code.NOT_IN_TABLE_FILE: "Ask a coordinator, or its database with --db PATH.",
        Code.HOME_NOT_EMPTY: "Give --replace; the database that is there is kept beside it.",
    },
    "UNAVAILABLE": {
        Code.ADB_SERVER: (
            "Keep one version of adb on the host, run `adb kill-server`, then `adb start-server`."
        ),
        Code.PHONE_OFFLINE: "Plug the phone in again; `adb devices` shows how it stands.",
        Code.PHONE_REBOOTED: "Find out why it starts again; what was lost is measured once more.",
        Code.HOST_REBOOTED: (
            "Find out why that machine starts again: power, watchdog, memory. It is checked, and"
            " what was lost is measured once more while attempts are left."
        ),
        Code.PHONE_BATTERY: "Charge the phone; its jobs wait until then.",
        Code.PHONE_HOT: "Let the phone cool down out of the sun; its jobs wait until then.",
        Code.TOO_MANY_CALLS: (
            "Wait until one has ended; `bitgauge up --calls-per-token` lets a token have more."
        ),
        Code.BUILD_TOOLS_MISSING: (
            "Install the quantizers beside the coordinator: pip install 'bitgauge[build]'."
        ),
        Code.NO_ENVIRONMENT: (
            "Run `bitgauge environments make NAME` on the machine that builds; then ask again."
        ),
        Code.LIBRARY_MISSING: "Run: pip install 'bitgauge[report]'.",
        Code.UNREACHABLE: (
            "Start it with `bitgauge up`, or name another with --coordinator HOST:PORT."
        ),
        Code.STORE_BUSY: "End the other process; then call again.",
        Code.STORE_IO: "Check the disk and the permissions of its folder.",
        Code.TASK_LOST: "Call again; the coordinator's log says what ended it.",
    },
    "DATA_LOSS": {
        Code.BAD_RAW: "The raw file is not what its record says; run the entry again.",
        Code.BAD_RESULT: "The artifact or its runtime meddled with the result; do not trust it.",
        Code.STORE_DAMAGED: "Put a backup back with `bitgauge restore BACKUP --replace`.",
        Code.BAD_TABLE_FILE: "Write it again: `bitgauge export --format json -o FILE`.",
        Code.BACKUP_DAMAGED: "Nothing was changed; restore another backup.",
        Code.BACKUP_INCOMPLETE: (
            "Run `bitgauge check` for the whole list; --allow-damaged backs up all the rest."
        ),
    },
    "NOT_FOUND": {
        Code.FILE_UNREADABLE: "Check the path and its permissions.",
        Code.UNKNOWN_JOB: "Run `bitgauge jobs` for the jobs there are.",
        Code.UNKNOWN_RUN: "Run `bitgauge table --json` for the run ids there are.",
        Code.UNKNOWN_CAMPAIGN: "Run `bitgauge campaigns` for the campaigns there are.",
        Code.UNKNOWN_SCHEDULE: "Run `bitgauge schedules` for the schedules there are.",
        Code.UNKNOWN_CALIBRATION_SET: "Run `bitgauge calibration list` for the sets there are.",
        Code.UNKNOWN_SERVICE: "Ask for the empty name, or for a service of the contract.",
        Code.UNKNOWN_DEVICE: "Run `bitgauge devices` for the devices there are.",
        Code.UNKNOWN_ALIAS: "Run `bitgauge registry aliases` for the aliases there are.",
        Code.UNKNOWN_VERDICT: (
            "Run `bitgauge gate RUN` first; `bitgauge gate list` shows the verdicts there are."
        ),
        Code.UNKNOWN_REGRESSION: "Run `bitgauge regressions --all` for the regressions there are.",
        Code.UNKNOWN_ENVIRONMENT: "Run `bitgauge environments` for the environments there are.",
        Code.DEVICE_MISSING: (
            "Attach it, or leave --device out to serve every real device that is found."
        ),
        Code.UNKNOWN_TOKEN: "Run `bitgauge token list` for the tokens there are.",
        Code.STORE_MISSING: "Run `bitgauge demo` or `bitgauge up` to make one.",
    },
    "OUT_OF_RANGE": {
        Code.BLOB_OFFSET: "Ask QueryWrite where to continue.",
    },
    "RESOURCE_EXHAUSTED": {
        Code.BLOB_TOO_LARGE: "Raise the coordinator's blob size limit.",
        Code.BLOB_LIMIT: (
            "Start `bitgauge up` with a larger --blob-limit; what results refer to is never"
            " deleted."
        ),
        Code.BLOB_SHARE: (
            "What is not used for a day goes by itself. Start `bitgauge up` with a larger"
            " --blob-limit, or --device-limit for a device; an admin's uploads have no share."
        ),
        Code.CACHE_LIMIT: "Start the agent with a larger --cache-bytes, or split the job.",
        Code.STEP_LIMIT: (
            "Send a model that needs less; or give the step more: `bitgauge up --step-limit`."
        ),
        Code.OUT_OF_MEMORY: "Choose a smaller batch or artifact, or a device with more memory.",
        Code.OUT_OF_DEVICE_MEMORY: (
            "Choose a smaller batch or artifact, or a card with more memory."
        ),
        Code.DEVICE_MEMORY_TAKEN: "End the other process, or wait until it has ended.",
        Code.FILE_LIMIT: "A run may write no file above 4 GiB and open 256 at most.",
        Code.PROCESS_LIMIT: "Use fewer threads; an artifact has no reason to start processes.",
        Code.QUEUE_QUOTA: "Wait until some have ended, or cancel some: `bitgauge cancel JOB`.",
        Code.QUOTA: "Remove or end some first, or ask the lab's owner for a larger quota.",
        Code.ASKED_TOO_MUCH: (
            "Ask for less at a time: name a model, device, recipe or batch. A copy of the database"
            " answers without this limit: `--db PATH`."
        ),
        Code.DISK_FULL: "Free disk space; nothing needs a restart.",
        Code.PHONE_FULL: "Free space on the phone; nothing needs a restart.",
    },
    "DEADLINE_EXCEEDED": {
        Code.REQUEST_IDLE: "Send the whole request at once.",
        Code.UPLOAD_IDLE: "Send the rest faster; what came is kept, ask QueryWrite where it ends.",
    },
    "PERMISSION_DENIED": {
        Code.SANDBOX_DENIED: (
            "An artifact gets no network and no file but itself; find out why this one asks for"
            " more."
        ),
        Code.FORBIDDEN: "Use a token whose role allows this call.",
        Code.JOIN_REFUSED: "Ask for a new line: `bitgauge join-line` beside the coordinator.",
        Code.NOT_OWNER: "Run the command as that user, with sudo -u.",
        Code.PLANTED: (
            "Remove it, and find out who could write there; the state folder as a whole may be a"
            " link of yours, nothing in it."
        ),
    },
    "ALREADY_EXISTS": {
        Code.IDEMPOTENCY_CONFLICT: "Use a new idempotency key for a different job.",
        Code.NAME_TAKEN: (
            "Choose another name, or end what has it: `bitgauge token revoke`, `bitgauge agents"
            " revoke` or `bitgauge retire`."
        ),
    },
    "ABORTED": {
        Code.LEASE_LOST: "The lease has passed to another claim; stop and acquire again.",
    },
    "UNAUTHENTICATED": {
        Code.UNAUTHENTICATED: (
            "Point BITGAUGE_HOME at the coordinator's state folder, or give --token-file."
        ),
        Code.CERTIFICATE_EXPIRED: (
            "Check the clock; then join again with a new line: `bitgauge join-line` beside the"
            " coordinator. What was measured is kept."
        ),
    },
    "INTERNAL": {
        Code.START_FAILED: "Read the log named above.",
        Code.INTERNAL: "This is a defect of Bitgauge; please report it with the log.",
    },
}
"""What to do, by the status that carries the code."""

CATALOGUE: dict[Code, Meaning] = {
    code: Meaning(status, advice)
    for status, advised in _ADVICE.items()
    for code, advice in advised.items()
}
