"""Copies between host and device that neither side waits for."""

import torch


class Readback:
    """Looks at growing token ids from the host.

    A look at what a CUDA device computes would wait for all that is queued there. So each look
    starts a copy into pinned memory and returns the one that the look before it started: the host
    runs ahead by one look at most, and the device is never idle for it. On the CPU a look is of
    now.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_cuda = device.type == "cuda"
        self._copy: torch.Tensor | None = None
        self._arrived: torch.cuda.Event | None = None

    def look(self, token_ids: torch.Tensor) -> list[list[int]] | None:
        """Token ids of every row, (B, steps); None if there is none to see yet."""
        if not self._on_cuda:
            return _rows(token_ids)
        before, arrived = self._copy, self._arrived
        self._copy = torch.empty(token_ids.shape, dtype=token_ids.dtype, pin_memory=True)
        self._copy.copy_(token_ids, non_blocking=True)
        self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._arrived.record()
        if before is None or arrived is None:
            return None
        arrived.synchronize()
        return _rows(before)


def to_device(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the host on the device, through pinned memory where that helps.

    Args:
        values: Of any shape, on the CPU.
        device: Where it is wanted.

    Returns:
        The same shape and dtype.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _rows(token_ids: torch.Tensor) -> list[list[int]]:
    rows: list[list[int]] = token_ids.tolist()
    return rows
