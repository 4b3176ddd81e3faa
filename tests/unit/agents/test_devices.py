"""Which slot gets which GPUs and how many threads, decided without a GPU."""

from __future__ import annotations

import pytest

from trainer.agents.devices import DevicePlan, DeviceWish, Occupancy, plan_devices
from trainer.agents.gpus import GIB, MIB, Gpu, GpuInventory, GpuUser, visible_gpus
from trainer.errors import DeviceError

ALICE = GpuUser(4711, "python", "alice", 40 * GIB)
NO_DRIVER = GpuInventory(reason="no NVIDIA GPU: its driver is not installed here")


def gpu(index: int | str, *, total: int = 80, used: int = 4 * MIB, name: str = "H100", **more: object) -> Gpu:
    uuid = f"{'MIG' if ':' in str(index) else 'GPU'}-{index}"
    return Gpu(str(index), uuid, name, total * GIB, used, 0, **more)  # type: ignore[arg-type]


def busy(index: int, *users: GpuUser) -> Gpu:
    return gpu(index, used=40 * GIB, users=users or (ALICE,))


def plan(
    gpus: list[Gpu] | GpuInventory, wish: str = "auto", slots: int | None = None, per_run: int | None = None,
    per_gpu: int | None = None, cores: int = 16, occupancy: Occupancy | None = None, **options: bool,
) -> DevicePlan:  # fmt: skip
    inventory = gpus if isinstance(gpus, GpuInventory) else GpuInventory(tuple(gpus))
    return plan_devices(
        DeviceWish(wish, per_run, per_gpu), slots, inventory, cores=cores, occupancy=occupancy, **options
    )


def pinned(decided: DevicePlan) -> list[str | None]:
    return [slot.environ().get("CUDA_VISIBLE_DEVICES") for slot in decided.slots]


EIGHT = [gpu(number) for number in range(8)]
TWO_KINDS = [gpu(0, total=24, name="A10"), gpu(1), gpu(2, total=24, name="A10"), gpu(3)]
PARTS = [gpu("0:0", total=10), gpu("0:1", total=10), gpu(1)]


@pytest.mark.parametrize(
    ("gpus", "options", "expected"),
    [
        # Every GPU that was asked for gets a slot; so many slots as are wanted, the largest GPUs first.
        (EIGHT, {"wish": "all"}, [f"GPU-{n}" for n in range(8)]),
        (EIGHT, {"wish": "all", "slots": 2}, ["GPU-0", "GPU-1"]),
        (EIGHT, {"wish": "6,GPU-2"}, ["GPU-6", "GPU-2"]),
        (TWO_KINDS, {"wish": "all", "slots": 3}, ["GPU-1", "GPU-3", "GPU-0"]),
        # Several GPUs for a run: neighbours of one kind, and what is left over stays free.
        (EIGHT, {"wish": "all", "per_run": 4}, ["GPU-0,GPU-1,GPU-2,GPU-3", "GPU-4,GPU-5,GPU-6,GPU-7"]),
        (EIGHT, {"per_run": 3}, ["GPU-0,GPU-1,GPU-2", "GPU-3,GPU-4,GPU-5"]),
        (TWO_KINDS, {"wish": "all", "per_run": 2}, ["GPU-1,GPU-3", "GPU-0,GPU-2"]),
        # Several slots on a GPU: spread before stacked.
        (EIGHT[:2], {"per_gpu": 2}, ["GPU-0", "GPU-1", "GPU-0", "GPU-1"]),
        (EIGHT[:2], {"wish": "1", "per_gpu": 3}, ["GPU-1", "GPU-1", "GPU-1"]),
        (EIGHT[:2], {"wish": "all", "per_gpu": 2, "slots": 3}, ["GPU-0", "GPU-1", "GPU-0"]),
        # Busy and broken ones are skipped, but not one that was named.
        ([busy(0), gpu(1), gpu(2, problem="it is lost")], {"wish": "all"}, ["GPU-1"]),
        ([busy(0), gpu(1)], {"wish": "0"}, ["GPU-0"]),
        # Parts of a divided GPU: each is one; the whole names all of them.
        (PARTS, {"wish": "all"}, ["GPU-1", "MIG-0:0", "MIG-0:1"]),
        (PARTS, {"wish": "0"}, ["MIG-0:0", "MIG-0:1"]),
        (PARTS, {"wish": "0:1"}, ["MIG-0:1"]),
        # None: hidden, also where no driver is.
        (EIGHT, {"wish": "none", "slots": 2}, ["", ""]),
        (NO_DRIVER, {"wish": "none"}, [""]),
        # Nothing asked for: one slot sees what it always saw; several are spread; nothing ever fails.
        (EIGHT, {}, [None]),
        (EIGHT, {"slots": 3}, ["GPU-0", "GPU-1", "GPU-2"]),
        (EIGHT[:2], {"slots": 3}, ["GPU-0", "GPU-1", "GPU-0"]),
        ([busy(0), gpu(1), gpu(2)], {}, ["GPU-1,GPU-2"]),
        ([busy(0), gpu(1)], {"slots": 2}, ["GPU-1", "GPU-1"]),
        ([busy(0), busy(1)], {"slots": 2}, [None, None]),
        (NO_DRIVER, {"slots": 2}, [None, None]),
        (PARTS, {"slots": 2}, ["GPU-1", "MIG-0:0"]),
        ([gpu("0:0"), gpu("0:1"), busy(1)], {}, ["MIG-0:0"]),
    ],
)  # fmt: skip
def test_slots_are_pinned_by_uuid(
    gpus: list[Gpu] | GpuInventory, options: dict[str, object], expected: list[str | None]
) -> None:
    assert pinned(plan(gpus, **options)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gpus", "options", "words"),
    [
        (NO_DRIVER, {"wish": "all"}, ["none can be used", "driver is not installed", "--gpus none"]),
        ([busy(0), busy(1)], {"wish": "all"}, ["No GPU is free", "python (pid 4711, alice) uses 40", "--gpus 0"]),
        ([gpu(0, problem="it is lost")], {"wish": "0"}, ["GPU 0 H100 cannot be used: it is lost"]),
        (EIGHT, {"wish": "all", "slots": 9}, ["9 agents need 9 GPUs", "room for 8", "-a 8", "--slots-per-gpu"]),
        (EIGHT, {"per_run": 4, "slots": 3}, ["3 agents need 12 GPUs", "room for 2", "-a 2"]),
        (EIGHT, {"per_run": 16}, ["no 16 GPUs of one kind", "--gpus-per-run"]),
        (EIGHT, {"wish": "0,8"}, ["no GPU 8 here", "0, 1, 2, 3, 4, 5, 6, 7"]),
        (PARTS, {"wish": "0", "per_run": 2}, ["parts of a divided GPU"]),
        (EIGHT, {"wish": "first"}, ["`--gpus first` names no GPU"]),
        (EIGHT, {"wish": ""}, ["names no GPU"]),
        (EIGHT, {"wish": "0,"}, ["names no GPU"]),
        (EIGHT, {"per_run": 2, "per_gpu": 2}, ["exclude each other"]),
        (EIGHT, {"wish": "none", "per_run": 2}, ["leaves nothing"]),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_said_with_a_way_out(
    gpus: list[Gpu] | GpuInventory, options: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(DeviceError) as caught:
        plan(gpus, **options)  # type: ignore[arg-type]
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert caught.value.hint


def test_a_gpu_is_busy_by_memory_that_others_have_taken() -> None:
    desktop = gpu(0, used=2 * GIB, users=(GpuUser(9, "Xorg", "root", 2 * GIB - MIB, draws_only=True),))
    context = gpu(1, used=450 * MIB, users=(GpuUser(9, "python", "bob", 446 * MIB),))
    unseen = gpu(2, used=3 * GIB)
    untold = gpu(3, used=3 * GIB, users=(GpuUser(9, "python", "bob", None), GpuUser(10, "", "", None)))
    decided = plan([desktop, context, unseen, untold], "all")
    assert pinned(decided) == ["GPU-0", "GPU-1"]
    assert decided.notes == (
        "GPU 2 H100 is skipped: 3.0 GiB of 80.0 GiB are in use by processes that cannot be seen from here",
        "GPU 3 H100 is skipped: python (pid 9, bob) and 1 more use 3.0 GiB of 80.0 GiB",
    )


def test_gpus_of_our_other_agents_are_left_to_them_unless_slots_share() -> None:
    mine = GpuUser(77, "python", "me", 30 * GIB)
    held = Occupancy({"GPU-0": ["slot 1 of sweep me/wine/abc"]}, slots=1, pids=frozenset({77}))
    gpus = [gpu(0, used=30 * GIB, users=(mine,)), gpu(1)]
    decided = plan(gpus, "all", occupancy=held)
    assert pinned(decided) == ["GPU-1"]
    assert decided.notes == ("GPU 0 H100 is skipped: slot 1 of sweep me/wine/abc has it",)
    assert pinned(plan(gpus, "all", per_gpu=2, occupancy=held)) == ["GPU-0", "GPU-1", "GPU-1"]
    # One more agent where nothing was asked for: not where the first one is.
    assert pinned(plan(gpus, slots=1, occupancy=held)) == ["GPU-1"]
    named = plan(gpus, "0", occupancy=held)
    assert pinned(named) == ["GPU-0"]
    assert "since it was named, though slot 1 of sweep me/wine/abc has it" in named.notes[0]


@pytest.mark.parametrize(
    ("options", "threads"),
    [
        ({"slots": 4}, 4),
        ({"slots": 5}, 3),
        ({"slots": 99}, 1),
        # Alone, all cores: nothing to limit, unless the program would see more than it may use.
        ({"slots": 1}, 0),
        ({"slots": 1, "quota": True}, 16),
        ({"slots": 4, "leave_threads": True}, 0),
        ({"slots": 2, "occupancy": Occupancy(slots=2)}, 4),
        ({"wish": "all"}, 2),
        ({"wish": "all", "per_run": 4}, 2),
        ({"wish": "none", "slots": 2}, 8),
    ],
)
def test_slots_share_the_cores(options: dict[str, object], threads: int) -> None:
    assert plan(EIGHT, **options).cpu_threads == threads  # type: ignore[arg-type]


def test_a_plan_tells_each_slot_s_share() -> None:
    assert plan(EIGHT[:2], "all").lines() == [
        "slot 1: GPU 0 H100 (GPU-0), 8 threads",
        "slot 2: GPU 1 H100 (GPU-1), 8 threads",
    ]
    assert plan(NO_DRIVER, slots=2, cores=2).lines() == [
        "no NVIDIA GPU: its driver is not installed here, 1 thread each"
    ]
    assert plan(NO_DRIVER).lines() == ["no NVIDIA GPU: its driver is not installed here"]
    assert plan(EIGHT[:4], per_run=2).lines()[0] == "slot 1: GPUs 0, 1 H100, 4 threads"
    assert plan([busy(0), gpu(1)]).lines() == [
        "GPU 1 H100 (GPU-1)",
        "GPU 0 H100 is skipped: python (pid 4711, alice) uses 40.0 GiB of 80.0 GiB",
    ]
    assert plan(EIGHT[:1], slots=2).notes == ("2 slots share 1 GPU",)
    assert "from 24.0 GiB to 80.0 GiB" in plan(TWO_KINDS, "all").notes[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["0", "1", "2", "3"]),
        ("", []),
        ("NoDevFiles", []),
        ("2,1", ["2", "1"]),
        ("1,-1,2", ["1"]),
        ("1,9,2", ["1"]),
        ("1,1", ["1"]),
        ("GPU-3, GPU-0", ["3", "0"]),
        ("gpu-3", ["3"]),
        # The beginning of more than one names nothing.
        ("GPU-", []),
    ],
)
def test_gpus_that_the_user_or_slurm_has_hidden_are_not_ours(text: str | None, expected: list[str]) -> None:
    environ = {} if text is None else {"CUDA_VISIBLE_DEVICES": text}
    assert [seen.index for seen in visible_gpus(EIGHT[:4], environ)] == expected
