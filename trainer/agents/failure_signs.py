"""What failures look like in a program's last lines: which words mean which kind. Pure data, in order of trust."""

from __future__ import annotations

import re
from enum import StrEnum


class FailureKind(StrEnum):
    """A class of failure: what policies are written for. The values are what users type."""

    BAD_FLAG = "bad_flag"
    IMPORT_ERROR = "import_error"
    MISSING_PROGRAM = "missing_program"
    PERMISSION = "permission"
    REFUSED = "refused"
    """The W&B server refused the key."""
    LOST_SERVER = "lost_server"
    CUDA_OOM = "cuda_oom"
    CUDA_ERROR = "cuda_error"
    OUT_OF_MEMORY = "out_of_memory"
    OOM_KILLED = "oom_killed"
    KILLED = "killed"
    SEGFAULT = "segfault"
    DISK_FULL = "disk_full"
    TIMEOUT = "timeout"
    NAN_METRIC = "nan_metric"
    NO_WANDB = "no_wandb"
    ASSERTION = "assertion"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


TITLES = {
    FailureKind.BAD_FLAG: "the program does not take its flags",
    FailureKind.IMPORT_ERROR: "an import failed",
    FailureKind.MISSING_PROGRAM: "a program or file to start is missing",
    FailureKind.PERMISSION: "permission denied",
    FailureKind.REFUSED: "the W&B server refused the key",
    FailureKind.LOST_SERVER: "the connection to a server was lost",
    FailureKind.CUDA_OOM: "CUDA out of memory",
    FailureKind.CUDA_ERROR: "CUDA error",
    FailureKind.OUT_OF_MEMORY: "out of memory",
    FailureKind.OOM_KILLED: "killed, most likely by the kernel: out of memory",
    FailureKind.KILLED: "killed from outside",
    FailureKind.SEGFAULT: "crashed",
    FailureKind.DISK_FULL: "the disk is full",
    FailureKind.TIMEOUT: "took longer than its timeout",
    FailureKind.NAN_METRIC: "the metric is no number",
    FailureKind.NO_WANDB: "it never called wandb.init",
    FailureKind.ASSERTION: "an assertion failed",
    FailureKind.INTERRUPTED: "interrupted",
    FailureKind.UNKNOWN: "failed",
}
"""What to call a failure of each kind where its own words say less."""

SIGNS: tuple[tuple[FailureKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.MULTILINE))
    for kind, pattern in (
        (
            FailureKind.CUDA_OOM,
            r"CUDA out of memory|torch\.(?:cuda\.)?OutOfMemoryError|HIP out of memory|MPS backend out of memory"
            r"|CU(?:DNN|BLAS|SPARSE|SOLVER)_STATUS_ALLOC_FAILED|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation"
            r"|CUDA error: out of memory|RESOURCE_EXHAUSTED|ResourceExhaustedError|OOM when allocating tensor"
            r"|cupy\.cuda\.memory\.OutOfMemoryError",
        ),
        # A device-side assert is an index out of range in the program, not a sick GPU.
        (FailureKind.ASSERTION, r"device-side assert triggered|^(?:\w+\.)*AssertionError\b"),
        (
            FailureKind.CUDA_ERROR,
            r"CUDA error\b|CU(?:DNN|BLAS|FFT|SPARSE|SOLVER)_STATUS_\w+|CUDA_ERROR_\w+|cudaError\w+"
            r"|No CUDA GPUs are available|Found no NVIDIA driver|Torch not compiled with CUDA enabled"
            r"|ncclUnhandledCudaError|ncclSystemError|NCCL error|uncorrectable (?:NVLink|ECC) error|HIP error\b"
            r"|no kernel image is available",
        ),
        (FailureKind.DISK_FULL, r"No space left on device|\bENOSPC\b|Disk quota exceeded|database or disk is full"),
        (
            FailureKind.OUT_OF_MEMORY,
            r"^(?:\w+\.)*_?(?:Array)?MemoryError\b|std::bad_alloc|Cannot allocate memory"
            r"|Unable to allocate .+ for an array"
            r"|can't allocate memory|insufficient shared memory"
            r"|DataLoader worker .+ (?:is killed by signal: (?:Killed|Bus error)|exited unexpectedly)"
            r"|^# There is insufficient memory for the Java Runtime",
        ),
        (
            FailureKind.REFUSED,
            r"wandb\S*\.AuthenticationError|api_key not configured|No API key configured"
            r"|API key (?:is )?(?:invalid|must be)"
            r"|returned error 40[13]\b|\(HTTP 40[13]\)|invalid API key|user is not logged in",
        ),
        (
            FailureKind.LOST_SERVER,
            r"^(?:wandb\.\S+|wandb: ERROR .*)?\bCommError\b|Run initialization has timed out"
            r"|WandbServiceConnectionError"
            r"|[Ff]ailed to connect to (?:the )?(?:W&B )?service|HandleAbandonedError|MailboxClosedError"
            r"|ServicePollForTokenError|Timed out while retrying"
            r"|^(?:requests|urllib3|urllib|http|httpx|aiohttp|socket|ssl)\S*\.\w*(?:Error|Timeout|Exception|gaierror)\b"
            r"|^Connection(?:Refused|Reset|Aborted)Error\b|Temporary failure in name resolution|Network is unreachable",
        ),
        (
            FailureKind.IMPORT_ERROR,
            r"^(?:ModuleNotFoundError|ImportError)\b|No module named|cannot open shared object file|undefined symbol:",
        ),
        (
            FailureKind.BAD_FLAG,
            r"^\S.*: error: .*(?:argument|option|choose|choice|expected|invalid|required|flag|unrecogni[sz]ed)"
            r"|unrecogni[sz]ed arguments?:|^Error: (?:No such option|Missing (?:option|argument|parameter)"
            r"|Invalid value|Got unexpected extra argument|Option )"
            r"|No such option:|FATAL Flags parsing error|\bUnrecognizedFlagError\b"
            r"|^Could not override '|ConfigCompositionException|is not in struct|Could not consume arg:"
            r"|^\w+: (?:unrecognized|unknown|invalid) option|^Unknown (?:option|flag)|flag provided but not defined",
        ),
        (FailureKind.PERMISSION, r"^PermissionError\b|: Permission denied$"),
        (
            FailureKind.MISSING_PROGRAM,
            r"can't open file '.+': \[Errno 2\]|^env: .+: No such file or directory|: command not found$"
            r"|^\S*sh: \d+: .+: not found$|executable file not found in",
        ),
        (FailureKind.INTERRUPTED, r"^KeyboardInterrupt\b|^Aborted!$"),
        (FailureKind.NO_WANDB, r"You must call (?:`?wandb\.init\(\)`?|wandb\.init)"),
    )
)
"""Kinds by their words, the most telling first. Looked for in the error itself, then in the last lines."""
