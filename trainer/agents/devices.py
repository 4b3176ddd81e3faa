"""Which slot gets which GPUs, and how many threads. Pure: what the machine has is handed in.

Rules. A slot is pinned to its GPUs by UUID. Without `--gpus`, one slot leaves the GPUs as they are, several spread over
them; nothing fails for want of a GPU, since the program may use none. With it, what cannot be had is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.agents.gpus import MIB, Gpu, GpuInventory, memory_text, named_gpus
from trainer.errors import DeviceError

BUSY_BYTES = 500 * MIB
"""More memory than this in use makes a GPU busy. A context without data takes 300 to 450 MiB."""
AUTO, ALL, NONE = "auto", "all", "none"

THREAD_VARIABLE = "OMP_NUM_THREADS"
"""OpenBLAS, MKL, BLIS, numexpr and PyTorch follow it where their own variable is not set; so what a user or a program
says in any of those still counts."""
SHARE_VARIABLE = "SWEEP_TUI_CPU_SHARE"
"""Tells a program that its limit of threads is a share of the machine, and nobody's wish."""


@dataclass(frozen=True)
class DeviceWish:
    """What the user asked for."""

    gpus: str = AUTO
    """`auto`, `all`, `none`, or numbers and UUIDs with commas."""
    per_run: int | None = None
    """GPUs for each run; None for one."""
    per_gpu: int | None = None
    """Slots on each GPU; None for one."""

    def __post_init__(self) -> None:
        if not self.names and self.gpus not in (AUTO, ALL, NONE):
            raise DeviceError(
                f"`--gpus {self.gpus}` names no GPU.", hint="Give all, none, or numbers or UUIDs: `--gpus 0,1`."
            )
        if self.per_run is not None and self.per_run > 1 and self.per_gpu is not None and self.per_gpu > 1:
            raise DeviceError(
                "`--gpus-per-run` and `--slots-per-gpu` exclude each other: a run has several GPUs, or shares one.",
                hint="Leave one of them out.",
            )
        if self.gpus == NONE and (self.per_run or self.per_gpu):
            raise DeviceError(
                "`--gpus none` leaves nothing for `--gpus-per-run` or `--slots-per-gpu`.", hint="Leave them out."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The GPUs asked for by name."""
        entries = [entry.strip() for entry in self.gpus.split(",")]
        return tuple(entries) if all(_is_name(entry) for entry in entries) else ()

    @property
    def is_explicit(self) -> bool:
        """Whether GPUs were asked for, so that their absence is an error."""
        return self.gpus not in (AUTO, NONE) or bool(self.per_run or self.per_gpu)


@dataclass(frozen=True)
class SlotDevice:
    """What the runs of one slot may use."""

    gpu_uuids: tuple[str, ...] | None = None
    """None leaves the GPUs as they are; empty hides them all."""
    label: str = ""
    """For people: `GPU 0 NVIDIA H100 (GPU-1a2b3c4d)`."""

    def environ(self) -> dict[str, str]:
        """Return the variables that hold a run to its GPUs."""
        return {} if self.gpu_uuids is None else {"CUDA_VISIBLE_DEVICES": ",".join(self.gpu_uuids)}


@dataclass(frozen=True)
class Occupancy:
    """What our agents on this machine hold already."""

    holders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the UUID of a GPU, the slots pinned to it: `slot 2 of sweep me/wine/abc`."""
    slots: int = 0
    """Slots at work, pinned or not."""
    pids: frozenset[int] = frozenset()
    """Processes on GPUs that are theirs."""
    in_use: frozenset[str] = frozenset()
    """The UUIDs of GPUs on which their runs are under way."""


@dataclass(frozen=True)
class DevicePlan:
    """What each slot of a host gets."""

    slots: tuple[SlotDevice, ...]
    cpu_threads: int
    """Threads for each run; 0 for no limit."""
    wish: DeviceWish = field(default_factory=DeviceWish)
    """What was asked for; holds for slots that are added later too."""
    cores: int = 1
    notes: tuple[str, ...] = ()
    """What is worth saying: GPUs that were skipped and why, GPUs that are shared."""
    release: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Ends the claim on these GPUs that the plan is; to be called when its agents are on record, or will not be."""

    def lines(self) -> list[str]:
        """Return the plan for people, a line per slot unless all are alike."""
        threads = f"{self.cpu_threads} thread{'s' if self.cpu_threads > 1 else ''}" if self.cpu_threads else ""
        labels = {slot.label for slot in self.slots}
        if len(labels) == 1:
            each = " each" if threads and len(self.slots) > 1 else ""
            return [", ".join(filter(None, [self.slots[0].label, f"{threads}{each}" if threads else ""])), *self.notes]
        lines = [
            f"slot {number}: " + ", ".join(filter(None, [slot.label, threads]))
            for number, slot in enumerate(self.slots, start=1)
        ]
        return [*lines, *self.notes]


def plan_devices(
    wish: DeviceWish, slots: int | None, inventory: GpuInventory, *, cores: int, occupancy: Occupancy | None = None,
    leave_threads: bool = False, quota: bool = False,
) -> DevicePlan:  # fmt: skip
    """Decide what each slot gets.

    Args:
        wish: What the user asked for.
        slots: Slots asked for, at least 1; None for one, or, where GPUs are asked for, as many as they have room for.
        inventory: The GPUs that are ours to use.
        cores: Cores of the machine that are.
        occupancy: What our other agents hold.
        leave_threads: Whether not to limit threads: the user has done so.
        quota: Whether a program would see more cores than it may use.

    Raises:
        DeviceError: If the GPUs asked for cannot be had.
    """
    occupancy = occupancy or Occupancy()
    if wish.gpus == NONE:
        devices, notes = [SlotDevice((), "no GPU (--gpus none)")] * (slots or 1), list[str]()
    elif not wish.is_explicit:
        devices, notes = _spread(slots or 1, inventory, occupancy)
    else:
        devices, notes = _assign(wish, slots, inventory, occupancy)
    everybody = len(devices) + occupancy.slots
    processes = everybody * max(wish.per_run or 1, 1)
    # Alone, a program takes all cores by itself; and under torchrun one thread, unless it finds the variable set.
    limited = not leave_threads and (processes > 1 or quota)
    threads = max(1, cores // processes) if limited else 0
    return DevicePlan(tuple(devices), threads, wish, cores, tuple(notes))


def _spread(slots: int, inventory: GpuInventory, occupancy: Occupancy) -> tuple[list[SlotDevice], list[str]]:
    """Give slots GPUs where none were asked for: never fails, never hides all of them."""
    if not inventory.gpus:
        return [SlotDevice(None, inventory.reason or "no NVIDIA GPU")] * slots, []
    reasons = {gpu.uuid: reason_against(gpu) for gpu in inventory.gpus}
    free = [gpu for gpu in inventory.gpus if not reasons[gpu.uuid]]
    notes = [f"{gpu} is skipped: {reasons[gpu.uuid]}" for gpu in inventory.gpus if reasons[gpu.uuid]]
    if not free:
        return [SlotDevice(None, "all GPUs, though none is free")] * slots, notes
    if slots == 1 and not occupancy.slots:
        if len(free) == len(inventory.gpus):
            return [SlotDevice(None, _all_label(free))], notes
        # A process can use one part of a divided GPU only.
        return [_pinned(free if not any(gpu.is_part for gpu in free) else free[:1])], notes
    ranked = sorted(free, key=lambda gpu: (len(occupancy.holders.get(gpu.uuid, ())), -gpu.memory_total))
    if slots > len(ranked) or any(occupancy.holders.get(gpu.uuid) for gpu in ranked[:slots]):
        notes.append(f"{_count(slots + occupancy.slots, 'slot')} share {_count(len(ranked), 'GPU')}")
    return [_pinned([ranked[number % len(ranked)]]) for number in range(slots)], notes


def _assign(
    wish: DeviceWish, slots: int | None, inventory: GpuInventory, occupancy: Occupancy
) -> tuple[list[SlotDevice], list[str]]:
    """Give slots the GPUs that were asked for.

    Raises:
        DeviceError: If they cannot be had.
    """
    if not inventory.gpus:
        raise DeviceError(
            f"GPUs were asked for, and none can be used: {inventory.reason or 'there is no NVIDIA GPU'}.",
            hint="`--gpus none` runs without.",
        )
    per_run, per_gpu = wish.per_run or 1, wish.per_gpu or 1
    chosen, notes = _chosen(wish, inventory.gpus, occupancy)
    if per_run > 1 and any(gpu.is_part for gpu in chosen):
        raise DeviceError(
            f"A run cannot use {per_run} parts of a divided GPU: CUDA shows a process one of them.",
            hint="Leave `--gpus-per-run` out, or name GPUs that are not divided.",
        )
    places = _places(chosen, per_run, per_gpu, occupancy)
    wanted = len(places) if slots is None else slots
    if wanted > len(places) or not places:
        raise _too_few(wanted, len(places), per_run, chosen, notes)
    taken = places[:wanted]
    sizes = sorted({gpu.memory_total for place in taken for gpu in place})
    if len(sizes) > 1:
        notes.append(
            f"the slots' GPUs differ in memory, from {memory_text(sizes[0])} to {memory_text(sizes[-1])}: "
            "what fits one may not fit another"
        )
    return [_pinned(place) for place in taken], notes


def _chosen(wish: DeviceWish, gpus: Sequence[Gpu], occupancy: Occupancy) -> tuple[list[Gpu], list[str]]:
    """Return the GPUs to use, and what to say about others."""
    notes: list[str] = []
    sharing = occupancy.pids if (wish.per_gpu or 1) > 1 else frozenset[int]()
    if wish.names:
        named: list[Gpu] = []
        for name in wish.names:
            found = named_gpus(gpus, name)
            if not found:
                listed = ", ".join(gpu.index for gpu in gpus)
                raise DeviceError(f"There is no GPU {name} here.", hint=f"Name some of {listed}; see `gpus`.")
            named += [gpu for gpu in found if gpu not in named]
        for gpu in named:
            if gpu.problem:
                raise DeviceError(f"{gpu} cannot be used: {gpu.problem}.", hint="Name another one.")
            if reason := _held_by(gpu, wish, occupancy) or reason_against(gpu, sharing):
                notes.append(f"{gpu} is used since it was named, though {reason}")
        return named, notes
    chosen = []
    for gpu in gpus:
        if reason := _held_by(gpu, wish, occupancy) or reason_against(gpu, sharing):
            notes.append(f"{gpu} is skipped: {reason}")
        else:
            chosen.append(gpu)
    return chosen, notes


def _held_by(gpu: Gpu, wish: DeviceWish, occupancy: Occupancy) -> str:
    held = occupancy.holders.get(gpu.uuid, ())
    return f"{' and '.join(held)} {'have' if len(held) > 1 else 'has'} it" if len(held) >= (wish.per_gpu or 1) else ""


def _places(gpus: Sequence[Gpu], per_run: int, per_gpu: int, occupancy: Occupancy) -> list[list[Gpu]]:
    """Return the sets of GPUs that a slot can have: the largest first, alike within a set, spread before stacked."""
    if per_run > 1:
        kinds: dict[tuple[str, int], list[Gpu]] = {}
        for gpu in gpus:
            kinds.setdefault((gpu.name, gpu.memory_total), []).append(gpu)
        return [
            alike[first : first + per_run]
            for _, alike in sorted(kinds.items(), key=lambda kind: -kind[0][1])
            for first in range(0, len(alike) - per_run + 1, per_run)
        ]
    left = Counter({gpu.uuid: per_gpu - len(occupancy.holders.get(gpu.uuid, ())) for gpu in gpus})
    ranked = sorted(gpus, key=lambda gpu: -gpu.memory_total)
    return [[gpu] for round_ in range(per_gpu) for gpu in ranked if max(left[gpu.uuid], 1) > round_]


def _too_few(wanted: int, room: int, per_run: int, chosen: Sequence[Gpu], notes: Sequence[str]) -> DeviceError:
    said = "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
    if room == 0:
        what = "No GPU is free." if not chosen else f"There are no {per_run} GPUs of one kind that are free."
        hint = "Wait, name a GPU to use it all the same (`--gpus 0`), or run without (`--gpus none`)."
        return DeviceError(f"{what}{said}", hint=hint if not chosen else "Ask for fewer with `--gpus-per-run`.")
    need = f"{_count(wanted, 'agent')} need {_count(wanted * per_run, 'GPU')}, and there is room for {room}."
    return DeviceError(f"{need}{said}", hint=f"Use `-a {room}`" + (", or `--slots-per-gpu`." if per_run == 1 else "."))


def reason_against(gpu: Gpu, sharing: frozenset[int] = frozenset()) -> str:
    """Return why a GPU is not free; empty when it is.

    Args:
        gpu: The GPU.
        sharing: Processes that do not count.
    """
    if gpu.problem:
        return gpu.problem
    computing = [user for user in gpu.users if not user.draws_only]
    others = [user for user in computing if user.pid not in sharing]
    if computing and not others:
        return ""
    # A desktop draws on a GPU that is free to compute.
    excused = sum(user.memory or 0 for user in gpu.users if user.draws_only or user.pid in sharing)
    used = gpu.memory_used - excused
    if used <= BUSY_BYTES:
        return ""
    share = f"{memory_text(used)} of {memory_text(gpu.memory_total)}"
    if not others:
        return f"{share} are in use by processes that cannot be seen from here"
    most = max(others, key=lambda user: user.memory or 0)
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    who = f"{most.program or 'a process'} (pid {most.pid}{', ' + most.owner if most.owner else ''}){more}"
    return f"{who} {'use' if more else 'uses'} {share}"


def inventory_summary(inventory: GpuInventory) -> str:
    """Return the GPUs in a few words, `0, 1 (1 busy)`; empty when there are none."""
    taken = [gpu.index for gpu in inventory.gpus if reason_against(gpu)]
    indices = ", ".join(gpu.index for gpu in inventory.gpus)
    return f"{indices} ({', '.join(taken)} busy)" if taken else indices


def _pinned(gpus: Sequence[Gpu]) -> SlotDevice:
    if len(gpus) == 1:
        label = f"{gpus[0]} ({gpus[0].uuid[:12]})"
    else:
        names = sorted({gpu.name for gpu in gpus})
        label = f"GPUs {', '.join(gpu.index for gpu in gpus)} {' and '.join(names)}".rstrip()
    return SlotDevice(tuple(gpu.uuid for gpu in gpus), label)


def _all_label(gpus: Sequence[Gpu]) -> str:
    return str(gpus[0]) if len(gpus) == 1 else f"all {len(gpus)} GPUs"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _is_name(entry: str) -> bool:
    whole, colon, part = entry.partition(":")
    return (whole.isdecimal() and (part.isdecimal() or not colon)) or entry.upper().startswith(("GPU-", "MIG-"))
