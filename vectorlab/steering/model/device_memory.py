"""What fits into the memory of a device, for errors that say what to do."""

from pathlib import Path

import torch

from vectorlab.steering.model.loading import LoadedModel


def does_not_fit(loaded: LoadedModel, length: int, longest_done: int) -> str:
    """What to do when the memory does not hold a single text.

    Args:
        loaded: The model.
        length: Of the text, in tokens.
        longest_done: Tokens of the longest text that did fit; 0 if none did.
    """
    seen = f"texts of up to {longest_done} tokens did fit" if longest_done else "no text fitted"
    size = sum(
        parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters()
    )
    halved = (
        f", extract with --dtype bfloat16 (weights of {_gib(size // 2)}, half of now)"
        if loaded.dtype == torch.float32
        else ""
    )
    return (
        f"Device {loaded.device} is out of memory with a single text of {length} tokens; {seen} "
        f"before{_estimate(loaded, length)}. Shorten the text{halved}, or use a smaller model or a "
        "device with more memory."
    )


def tokens_that_fit(loaded: LoadedModel, free_bytes: int) -> int:
    """About how many tokens a forward pass that keeps nothing can take at once.

    Counted is what is alive at the widest point of a block: the stream with its update, and the
    gate, the inner states and their product in the MLP.
    """
    config = loaded.model.config.get_text_config()
    width = loaded.description.d_model
    inner = getattr(config, "intermediate_size", None) or 4 * width
    per_token = (6 * width + 3 * inner) * torch.finfo(loaded.dtype).bits // 8
    return int(free_bytes // per_token)


def free_bytes(device: torch.device) -> int | None:
    """Memory of a device that nobody uses; None where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    information = Path("/proc/meminfo")
    if device.type != "cpu" or not information.is_file():
        return None
    for line in information.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _estimate(loaded: LoadedModel, length: int) -> str:
    free = free_bytes(loaded.device)
    if free is None:
        return ""
    fits = tokens_that_fit(loaded, free)
    # With more than enough free it was something else that took the memory away.
    return f"; about {fits} tokens fit into the {_gib(free)} that are free" if fits < length else ""


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
