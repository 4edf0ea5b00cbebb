"""Copies between host and device, on the device that there is."""

import torch

from vectorlab.steering.generation.device_copies import Readback, to_device


def test_on_the_cpu_a_look_is_of_now() -> None:
    readback = Readback(torch.device("cpu"))
    assert readback.look(torch.tensor([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]
    assert readback.look(torch.tensor([[5]])) == [[5]]


def test_what_goes_to_the_device_arrives_as_it_was() -> None:
    values = torch.rand(3, 4, dtype=torch.float64)
    assert torch.equal(to_device(values, torch.device("cpu")), values)
