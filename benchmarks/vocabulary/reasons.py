"""The words for what qualifies a number: flags beside values, reasons in place of values.

The codes are stored and travel; the sentences are what people read.
"""

from __future__ import annotations

from .enums import Realness

PRELIMINARY = "preliminary"
NO_STEADY_STATE = "no_steady_state"
SHARED = "shared"
FEW_LAUNCHES = "few_launches"
WIDE_INTERVAL = "wide_interval"
UNSTEADY_RATIO = "unsteady_ratio"
PEAK_SAMPLED = "peak_sampled"
REFERENCE_MISMATCH = "reference_mismatch"
SATURATING = "saturating"
WRONG_KERNEL = "wrong_kernel"
CLIPPING = "clipping"
FLOAT_FALLBACK = "float_fallback"
NONFINITE = "nonfinite"
UNTRUSTED = "untrusted"
SUSPECT = "suspect"
UNCONFIRMED = "unconfirmed"
DISCARDED_BLOCKS = "discarded_blocks"
HARNESS_SUSPECT = "harness_suspect"
IMPOSSIBLE = "impossible"
ANOMALOUS = "anomalous"
FOREIGN_LOAD = "foreign_load"
CLOCK_STEP = "clock_step"
UNSTEADY_ENERGY = "unsteady_energy"
NOT_COOLED = "not_cooled"
BASELINE_UNTOLD = "baseline_untold"
CONVERTED_BORDER = "converted_border"
APART = "apart"
NO_ROOM = "no_room"
WIDENED = "widened"
BUILDS_VARY = "builds_vary"
ENQUEUE_BOUND = "enqueue_bound"

KNOWN_ISSUE = "known_issue"
"""What a flag begins with that names a known issue after a colon."""

FLAGS: dict[str, str] = {
    PRELIMINARY: "profile quick, or less than the profile asks for: may gate accuracy alone",
    NO_STEADY_STATE: "a launch was still changing when its warm-up reached the cap",
    SHARED: "others used the device: pressure over 1 % or stolen time over 0.5 %",
    FEW_LAUNCHES: "fewer fresh processes than the profile asks for",
    WIDE_INTERVAL: "quads ended before the interval was as short as half the margin",
    UNSTEADY_RATIO: "the ratio changed while it was measured; the interval covers its stretches",
    PEAK_SAMPLED: "the peak was polled, so a shorter one may have been missed",
    SATURATING: "integer kernels of this device saturate: some accumulations are wrong",
    WRONG_KERNEL: "it executes a kernel that answered the device's probe with something else",
    CLIPPING: "more than 1 % of a tensor's values or magnitude lies beyond its calibrated range",
    FLOAT_FALLBACK: "less than 90 % of the multiplications run in integer kernels",
    NONFINITE: "a value inside the model is NaN or infinite",
    UNTRUSTED: "the device has no valid A/A certificate",
    SUSPECT: "the device drifted around this job, so its times are not to be trusted",
    UNCONFIRMED: "nobody has confirmed what its device is; `bitgauge confirm DEVICE` does",
    DISCARDED_BLOCKS: "blocks were discarded for a recorded external cause",
    HARNESS_SUSPECT: "throughput and latency contradict each other",
    IMPOSSIBLE: "a number beyond what the device can do",
    ANOMALOUS: "faster than the device was seen to be, which nothing has confirmed",
    FOREIGN_LOAD: "another process used the device during the run",
    UNSTEADY_ENERGY: "the energy of the windows differs by more than 1 %, however long they are",
    NOT_COOLED: "the device stayed over 3 degrees warmer than before its windows of energy",
    CLOCK_STEP: "a clock was set or went backwards during the run",
    REFERENCE_MISMATCH: "the device's FP32 baseline predicts other classes than the reference",
    CONVERTED_BORDER: "takes or returns integers, which are made of numbers outside the clock",
    WIDENED: "its 16-bit numbers are widened: most of its products are computed in float32",
    ENQUEUE_BOUND: "the device waits for its host, which hands work over for over 80 % of its time",
    BUILDS_VARY: "two builds of its engine differ; `two builds` of the run's record says in what",
    BASELINE_UNTOLD: "these samples do not tell that the baseline is better than chance",
    KNOWN_ISSUE: "something is known to be wrong with its stack or kind: `bitgauge issues` tells",
    APART: "baseline and candidate were timed in launches that take turns, one of them in each",
    NO_ROOM: "memory did not hold baseline and candidate at once, so that they took turns",
}

BASELINE_ITSELF = "baseline"
NO_RAW_DATA = "pass_missing"
INSUFFICIENT_SAMPLES = "insufficient_samples"
BELOW_RESOLUTION = "below_resolution"
NO_SENSOR = "no_sensor"
NO_LABELS = "no_labels"
MADE_INPUTS = "made_inputs"
NO_CLASSES = "no_classes"
NONFINITE_OUTPUT = "nonfinite_output"
EMPTY_OUTPUT = "empty_output"
SAMPLE_AXIS = "sample_axis"
ROWS_DEPEND_ON_DATA = "rows_depend_on_data"
SEQUENCE_OUTPUT = "sequence_output"
AMBIGUOUS_OUTPUT = "ambiguous_output"
OUTPUT_MISSING = "output_missing"
OUTPUT_DIFFERS = "output_differs"
LABELS_BEYOND = "labels_beyond"
NO_DISTRIBUTION = "no_distribution"
OTHER_OUTPUT = "other_output"

BASELINE_NONFINITE = "baseline_nonfinite"
BASELINE_CONSTANT = "baseline_constant"
BASELINE_TIED = "baseline_tied"
BASELINE_NOISY = "baseline_noisy"
BASELINE_ONE_LABEL = "baseline_one_label"
BASELINE_AT_CHANCE = "baseline_at_chance"
BASELINE_DIFFERS = "baseline_differs"

UNSOUND = (
    BASELINE_NONFINITE,
    BASELINE_CONSTANT,
    BASELINE_TIED,
    BASELINE_NOISY,
    BASELINE_ONE_LABEL,
    BASELINE_AT_CHANCE,
    BASELINE_DIFFERS,
)
"""Why nothing can be said of what is compared with a baseline, the most fundamental first."""

ITERATION_OVER_BUDGET = "iteration_over_budget"
WINDOW_TOO_SHORT = "window_too_short"

NOT_MEASURED = "not_measured"
OLDER_DEFINITION = "older_definition"
NOT_IN_PROFILE = "not_in_profile"
INVALID_DISCARDED = "invalid_discarded"
UNINSTRUMENTABLE = "uninstrumentable"
NO_CONTROL_GROUP = "no_control_group"
NO_ARENA = "no_arena"
NO_DEVICE_CLOCK = "no_device_clock"
NO_INTEGER_OPERATORS = "no_integer_operators"
NO_PERMISSION = "no_permission"
NO_LIBRARY = "no_library"
VIRTUALISED = "virtualised"
ON_CHARGER = "on_charger"
SHARED_DEVICE = "shared_device"
COUNTER_STUCK = "counter_stuck"
COUNTER_BACKWARDS = "counter_backwards"
METER_LOST = "meter_lost"
METER_WITHOUT_RESPONSE = "meter_without_response"
METERS_DISAGREE = "meters_disagree"
SIMULATED_METER = "simulated_meter"
NOT_TOGETHER = "not_together"
NOT_RECORDED = "not_recorded"
NOT_PROBED = "not_probed"
NOT_READABLE = "not_readable"
NOT_APPLICABLE = "not_applicable"
NOT_OVERRIDDEN = "not_overridden"
NOT_OF_DECODERS = "not_of_decoders"
NO_CONTEXT_MEMORY = "no_context_memory"
NO_FURTHER_TOKENS = "no_further_tokens"
HIDDEN_PROCESS = "hidden_process"
UNCOUNTED_MEMORY = "uncounted_memory"
NO_ALLOCATOR = "no_allocator"
NO_CERTIFICATE = "no_certificate"
DEQUANTIZED = "dequantized"
NO_KERNEL = "no_kernel"
IMPROBABLE_TEXTS = "improbable_texts"
RAW_FILE_MISSING = "raw_file_missing"
RAW_FILE_DAMAGED = "raw_file_damaged"

WHICH = "which"
"""A detail of what is null: what the sentence is about, in words."""

REASONS: dict[str, str] = {
    NOT_MEASURED: "not measured",
    BASELINE_ITSELF: "the entry is the baseline, so there is nothing to compare it with",
    NO_RAW_DATA: "no raw data of that pass",
    NOT_TOGETHER: "baseline and candidate were not measured in one process",
    NOT_IN_PROFILE: "the profile does not measure it",
    INVALID_DISCARDED: "more than a fifth of the blocks was discarded for external causes",
    UNINSTRUMENTABLE: "the runtime does not show its inner tensors as production computes them",
    NO_CONTROL_GROUP: "no control group of the launch tells its peak",
    NO_DEVICE_CLOCK: "it is computed on the host, or nothing there tells the time of the device",
    NO_ARENA: "the runtime has no arena that can be switched off",
    NO_INTEGER_OPERATORS: "nothing ran in integer kernels",
    NO_PERMISSION: (
        "the agent may not read the device's energy meter: run it as root, or let it read that file"
    ),
    NO_LIBRARY: "the library that reads the device's energy meter is not installed",
    VIRTUALISED: "a virtual machine is not shown the energy meter of its host",
    ON_CHARGER: "the device was being charged, so its battery tells nothing",
    SHARED_DEVICE: "others used what the energy meter counts",
    COUNTER_STUCK: "the energy meter showed no new value",
    COUNTER_BACKWARDS: "the energy meter went backwards",
    METER_LOST: "the energy meter could not be read any more",
    METER_WITHOUT_RESPONSE: "the energy meter shows no more under load than idle",
    METERS_DISAGREE: "two energy meters of the same thing differ by more than 10 %",
    SIMULATED_METER: "the energy meter replays a recording",
    OLDER_DEFINITION: (
        "it follows an older definition of the metric: `bitgauge reanalyse` computes it anew where"
        " its raw data are kept"
    ),
    NOT_RECORDED: "it was not recorded",
    NOT_PROBED: "the saturation probe gave no map of this runtime on this device",
    NOT_READABLE: "the device does not tell it",
    NOT_APPLICABLE: "it does not apply here",
    NOT_OVERRIDDEN: "as the profile says",
    NOT_OF_DECODERS: "a decoder is measured by requests and texts, which do not tell it",
    NO_CONTEXT_MEMORY: "what a full context adds to memory could not be told",
    NO_FURTHER_TOKENS: "one token alone was asked for, so that none followed the first",
    IMPROBABLE_TEXTS: (
        "the texts are so improbable to it that no number holds the perplexity and its interval"
    ),
    DEQUANTIZED: (
        "exported, not timed: the runtime unpacks every weight to a float, so that its time and"
        " memory are not those of the format"
    ),
    NO_KERNEL: "no kernel here multiplies in this format: its products are those of float32",
    HIDDEN_PROCESS: (
        "the card's driver does not list the process, as in a container with process numbers of its"
        " own, or it has nothing there"
    ),
    UNCOUNTED_MEMORY: "the card's driver counts no memory of single processes here",
    NO_ALLOCATOR: "the runtime does not tell what its allocator took of the card",
    NO_CERTIFICATE: "the device has no A/A certificate from before the run",
    RAW_FILE_MISSING: "its raw file is missing from the blobs",
    RAW_FILE_DAMAGED: "its raw file is damaged",
    INSUFFICIENT_SAMPLES: "too few independent samples for an interval",
    BELOW_RESOLUTION: "the baseline needs less than twice what an empty session needs",
    NO_SENSOR: "the device has no energy meter",
    NO_LABELS: "the evaluation set has no labels",
    MADE_INPUTS: "no evaluation set: the inputs were made from the model's signature",
    NO_CLASSES: "no output tells the classes of samples",
    NONFINITE_OUTPUT: "an output is NaN or infinite",
    EMPTY_OUTPUT: "the output holds nothing",
    SAMPLE_AXIS: "the output's sample axis is not the input's",
    ROWS_DEPEND_ON_DATA: "how many rows the output has depends on the data, not on the samples",
    SEQUENCE_OUTPUT: (
        "the output is a sequence of maps, not a tensor: export the model with zipmap=False"
    ),
    AMBIGUOUS_OUTPUT: "several outputs may be the one to judge; choose one with --output",
    OUTPUT_MISSING: "it has no output of the name that is judged",
    OUTPUT_DIFFERS: "its output has another shape than the baseline's",
    LABELS_BEYOND: "the labels name classes that no output has",
    NO_DISTRIBUTION: "the output tells classes alone, not how likely they are",
    OTHER_OUTPUT: "it was judged on another output than the others, or than asked for",
    BASELINE_NONFINITE: "the baseline's own output is NaN or infinite",
    BASELINE_CONSTANT: "the baseline gives the same output for every sample",
    BASELINE_TIED: "the best classes of the baseline tie, so that its predictions are arbitrary",
    BASELINE_NOISY: "the baseline does not repeat itself: there is noise in the model",
    BASELINE_ONE_LABEL: "all labels of the evaluation set are the same, so that a guess is right",
    BASELINE_AT_CHANCE: "the baseline is no better than chance on the evaluation set",
    BASELINE_DIFFERS: "the baseline predicts other classes on the device than in the reference",
    ITERATION_OVER_BUDGET: "one call takes longer than the budget of a launch",
    WINDOW_TOO_SHORT: "the launch or its windows were too short for it",
    Realness.EMULATED.value: "an emulated device keeps no time and has no memory of its own",
    Realness.SIMULATED.value: "a simulated device or runtime measures nothing",
}

ADVICE: dict[str, str] = {
    BASELINE_NONFINITE: "look at the inputs of those samples, and at the model's own numbers",
    BASELINE_CONSTANT: "check that the model holds trained weights and uses its inputs",
    BASELINE_TIED: "check that the model holds trained weights, and which output is judged",
    BASELINE_NOISY: "export the model for inference, without dropout and random operators",
    BASELINE_ONE_LABEL: "take an evaluation set with samples of several labels",
    BASELINE_AT_CHANCE: (
        "check that the labels count as the model's classes do, and that the inputs are prepared"
        " as in training"
    ),
    BASELINE_DIFFERS: "find out what this device or its runtime does otherwise",
}
"""What to do about each of `UNSOUND`."""
