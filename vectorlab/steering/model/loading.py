"""Describe models from their files and load them; weights come from safetensors only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from vectorlab.domain.models import ModelDescription
from vectorlab.errors import InputError, IntegrityError, ModelError
from vectorlab.steering.model import fingerprint
from vectorlab.steering.model.architectures import DecoderLayers, architecture, decoder_layers
from vectorlab.steering.model.locations import bundled_model_path as bundled_model_path
from vectorlab.steering.model.locations import is_hub_id, model_directory, recorded_source
from vectorlab.steering.model.placement import (
    SPREAD,
    DeviceMap,
    Placement,
    delete_with,
    loading_options,
    placement_of,
)
from vectorlab.steering.model.quantisation import check_quantiser

CAUSAL_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model in memory, in evaluation mode and without gradients."""

    description: ModelDescription
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    dtype: torch.dtype  # the model computes in this
    layers: DecoderLayers
    eos_token_ids: tuple[int, ...]  # each of them ends a text
    placement: Placement | None = None  # None: all of it on ``device``

    def device_of(self, layer: int) -> torch.device:
        """Where a decoder block computes."""
        return self.device if self.placement is None else self.placement.devices[layer]


def describe_model(
    source: str, *, revision: str | None = None, trust_remote_code: bool = False
) -> ModelDescription:
    """Read a model's hashes and shape from its files; no weights go into torch.

    Args:
        source: A directory, a hub id such as ``"gpt2"``, or ``"bundled:tiny"``.
        revision: Of a hub repository; the commit it resolves to is recorded.
        trust_remote_code: Let transformers run code that comes with the model.

    Raises:
        ModelError: If there is no such model, or it cannot be used as it is.
        ArchitectureError: If its architecture is not in the layer table.
    """
    directory = model_directory(source, revision)
    raw = fingerprint.read_json(directory / "config.json")
    _check_causal(directory, raw)
    check_quantiser(directory, raw)
    weights = fingerprint.weights_digest(directory)
    config = _text_config(directory, trust_remote_code=trust_remote_code)
    return ModelDescription(
        source=recorded_source(source, directory),
        revision=directory.name if is_hub_id(source) else None,
        architecture=raw["model_type"],
        n_layers=config.num_hidden_layers,
        d_model=config.hidden_size,
        n_parameters=weights.n_parameters,
        vocabulary_size=config.vocab_size,
        context_length=_context_length(config),
        weights_sha256=weights.sha256,
        config_sha256=fingerprint.config_sha256(raw, _declared_eos(directory)),
        tokenizer_sha256=fingerprint.tokenizer_sha256(directory),
        chat_template_sha256=fingerprint.chat_template_sha256(directory),
        trust_remote_code=trust_remote_code,
    )


def load_model(
    description: ModelDescription,
    *,
    device: str = "auto",
    dtype: str = "float32",
    device_map: DeviceMap | None = None,
) -> LoadedModel:
    """Load a described model, after checking that its files are still the ones described.

    Args:
        description: From ``describe_model`` or the store.
        device: A torch device, ``"auto"`` for CUDA where there is one, else the CPU, or
            ``"spread"`` over all devices, the machine's memory and the disk, in this order.
        dtype: ``"float32"``, ``"bfloat16"`` or ``"float16"``, whatever the files hold.
        device_map: Where the modules lie instead, as accelerate names it.

    Raises:
        IntegrityError: If the files changed since they were described.
        ModelError: If the files do not hold a complete causal language model.
        InputError: If the device or the dtype is not available, or accelerate is needed.
    """
    if device == SPREAD and device_map is None:
        device_map = "auto"
    target, compute_dtype = resolve_device(device), _torch_dtype(dtype)
    directory = model_directory(description.source, description.revision)
    _check_unchanged(description)
    tokenizer = load_tokenizer(description)
    model = _read_weights(
        directory,
        compute_dtype,
        device_map,
        trust_remote_code=description.trust_remote_code,
    )
    placement = _placement(model, description)
    if placement is None:
        nn.Module.to(model, target)
    else:
        target = placement.devices[-1]
    eos = {*_declared_eos(directory), tokenizer.eos_token_id} - {None}
    return LoadedModel(
        description=description,
        model=model.requires_grad_(requires_grad=False),
        tokenizer=tokenizer,
        device=target,
        dtype=compute_dtype,
        layers=decoder_layers(model, description.architecture),
        eos_token_ids=tuple(sorted(eos)),
        placement=placement,
    )


def load_tokenizer(description: ModelDescription) -> PreTrainedTokenizerBase:
    """The tokenizer of a described model, without its weights.

    Raises:
        ModelError: If there is none where the model was.
    """
    directory = model_directory(description.source, description.revision)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        directory, local_files_only=True, trust_remote_code=description.trust_remote_code
    )
    return tokenizer


def resolve_device(device: str) -> torch.device:
    """The torch device of that name; ``"auto"`` is CUDA where there is one, else the CPU.

    ``"spread"`` is what computes most of a spread model: the same.

    Raises:
        InputError: If it cannot be used here.
    """
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    name = chosen if device in ("auto", SPREAD) else device
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as exc:
        raise InputError(f"Device {device!r} cannot be used: {exc}. Try cpu or auto.") from exc
    return torch.device(name)


def check_request(loaded: LoadedModel, *, model_fingerprint: str, dtype: str) -> None:
    """Make sure that a request is for the model at hand.

    Raises:
        IntegrityError: If the request names another model.
        InputError: If the request names another dtype than the model was loaded in.
    """
    if model_fingerprint != loaded.description.fingerprint:
        raise IntegrityError(
            f"The request is for model {model_fingerprint[:12]}, but the loaded model is "
            f"{loaded.description.fingerprint[:12]} ({loaded.description.source})."
        )
    if _torch_dtype(dtype) != loaded.dtype:
        raise InputError(
            f"The request computes in {dtype}, but the model was loaded in {loaded.dtype}."
        )


def _check_causal(directory: Path, config: dict[str, Any]) -> None:
    heads = config.get("architectures") or ["ForCausalLM"]
    causal = any(head.endswith(CAUSAL_HEADS) for head in heads)
    if not causal or config.get("is_encoder_decoder"):
        raise ModelError(
            f"Model directory {directory} holds {', '.join(heads)}, which is not a causal "
            "language model. Save one made by AutoModelForCausalLM."
        )
    if "model_type" not in config:
        raise ModelError(f"{directory}/config.json has no model_type; it is not of transformers.")
    architecture(config["model_type"])


def _text_config(directory: Path, *, trust_remote_code: bool) -> Any:
    try:
        config = AutoConfig.from_pretrained(
            directory, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ModelError(f"Cannot read the configuration in {directory}: {exc}") from exc
    return config.get_text_config()


def _context_length(config: Any) -> int | None:
    lengths = (getattr(config, key, None) for key in CONTEXT_KEYS)
    return next((int(length) for length in lengths if length), None)


def _declared_eos(directory: Path) -> tuple[int, ...]:
    """End-of-text ids as declared for generation, else by the configuration."""
    for name in ("generation_config.json", "config.json"):
        path = directory / name
        eos = fingerprint.read_json(path).get("eos_token_id") if path.is_file() else None
        if eos is not None:
            return tuple(sorted(eos)) if isinstance(eos, list) else (eos,)
    return ()


def _check_unchanged(description: ModelDescription) -> None:
    current = describe_model(
        description.source,
        revision=description.revision,
        trust_remote_code=description.trust_remote_code,
    )
    if current.fingerprint != description.fingerprint:
        parts = ("weights_sha256", "config_sha256", "tokenizer_sha256", "chat_template_sha256")
        changed = [name for name in parts if getattr(current, name) != getattr(description, name)]
        raise IntegrityError(
            f"Model {description.source} changed since it was registered: fingerprint is "
            f"{current.fingerprint[:12]}, expected {description.fingerprint[:12]} "
            f"({', '.join(changed)}). Restore the files, or register it under a new name: "
            f"vectorlab models add {description.source} --name NAME"
        )


def _placement(model: PreTrainedModel, description: ModelDescription) -> Placement | None:
    """Where the layers lie; None if one device holds all there is, with a map or without."""
    device_map: dict[str, Any] = getattr(model, "hf_device_map", {})
    if len(set(device_map.values())) < 2:
        return None
    blocks = architecture(description.architecture).blocks
    return placement_of(device_map, [f"{blocks}.{layer}" for layer in range(description.n_layers)])


def _read_weights(
    directory: Path,
    dtype: torch.dtype,
    device_map: DeviceMap | None,
    *,
    trust_remote_code: bool,
) -> PreTrainedModel:
    try:
        with _quiet_loading(), loading_options(device_map) as options:
            # Any: the stubs do not know that this option returns the report as well.
            loading: Any = AutoModelForCausalLM.from_pretrained(
                directory,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, RuntimeError, ImportError) as exc:
        raise ModelError(f"Cannot load the model in {directory}: {exc}") from exc
    model: PreTrainedModel
    report: dict[str, Any]
    model, report = loading
    delete_with(model, options)
    # transformers fills a missing tensor with random numbers and only warns.
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:5])
        raise ModelError(
            f"The weights in {directory} are incomplete: {len(report['missing_keys'])} tensors "
            f"are missing ({missing}). Save the whole causal language model there."
        )
    return model


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """Without transformers' own progress bar, which would break into ours."""
    was_on = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _torch_dtype(dtype: str) -> torch.dtype:
    if dtype not in DTYPES:
        raise InputError(f"Dtype {dtype!r} is unknown. Choose from {', '.join(DTYPES)}.")
    return DTYPES[dtype]
