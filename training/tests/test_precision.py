"""Products are computed in bfloat16 where the processor does so itself, and nowhere else."""

import pytest
import torch

from valence_training import precision


@pytest.mark.parametrize(
    ("processor", "wanted", "kind"),
    [
        ({"avx512_bf16": True}, True, torch.bfloat16),
        ({"amx_bf16": True}, True, torch.bfloat16),
        ({"avx512_bf16": True}, False, torch.float32),
        ({"avx512_bf16": False, "avx2": True}, True, torch.float32),
        ({}, True, torch.float32),
    ],
)
def test_bfloat16_is_used_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, processor: dict[str, bool], wanted: bool, kind: torch.dtype
) -> None:
    """Emulated, a step takes ten times as long as with float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor)
    with precision.fast_products(wanted):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind
