"""Promises of the fusion net that must hold whatever its weights are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from valence_training.fusion.encoder import StreamShape, shorten_mask
from valence_training.fusion.layers import Attention, DynamicWeight, KeyPooling, mask_bias
from valence_training.fusion.material import Piece
from valence_training.fusion.model import SHAPES, STREAMS, FusionConfig, FusionNet, Inputs
from valence_training.fusion.pairing import PATTERNS, Example, collate, name
from valence_training.fusion.reading import PRIOR, SHARE, Line, Reading
from valence_training.fusion.serving import Served, ServedNet, example

LENGTHS = (9, 18, 11)


def shaken_net(seed: int = 0, config: FusionConfig | None = None) -> FusionNet:
    """A net in which no weight is zero, so that every path counts."""
    torch.manual_seed(seed)
    net = FusionNet(config)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
        if net.reading is not None:
            net.reading.direction.normal_(std=0.05)
    return net.eval()


def windows(
    pattern: tuple[int, ...],
    batch: int = 3,
    lengths: tuple[int, int, int] = LENGTHS,
    shapes: Sequence[StreamShape] = SHAPES,
) -> Inputs:
    """Random windows of a pattern, some steps masked, the first always valid."""
    generator = torch.Generator().manual_seed(7)
    inputs = example(batch, lengths, generator, shapes)
    for mask in (inputs.text_mask, inputs.audio_mask, inputs.video_mask):
        mask.copy_((torch.rand(mask.shape, generator=generator) > 0.3).float())
        mask[:, 0] = 1.0
    present = torch.zeros(batch, 3)
    present[:, list(pattern)] = 1.0
    return inputs._replace(present=present)


def run(net: FusionNet, inputs: Inputs) -> Served:
    with torch.inference_mode():
        served: Served = ServedNet(net)(*inputs)
    return served


def assert_same(a: Served, b: Served, steps: int | None = None) -> None:
    for field in Served._fields:
        left, right = getattr(a, field), getattr(b, field)
        if field == "text_attn" and steps is not None:
            left, right = left[:, :steps], right[:, :steps]
        assert torch.isfinite(right).all(), field
        torch.testing.assert_close(left, right, atol=2e-6, rtol=1e-5, msg=lambda text, field=field: f"{field}: {text}")


def stream_fields(m: int) -> tuple[str, str]:
    return STREAMS[m], f"{STREAMS[m]}_mask"


def test_dynamic_weights_start_as_the_identity() -> None:
    h = torch.randn(2, 5, 64)
    assert torch.equal(DynamicWeight(64)(h, torch.ones(2, 5)), h)


def test_dynamic_weights_differ_by_step_and_dimension_once_trained() -> None:
    torch.manual_seed(0)
    weigh = DynamicWeight(8)
    torch.nn.init.normal_(weigh.gain.weight)
    h = torch.rand(1, 4, 8) + 0.5
    gain = weigh(h, torch.ones(1, 4)) / h
    assert gain.std(dim=1).min() > 0
    assert gain.std(dim=2).min() > 0
    assert gain.min() > 0
    assert gain.max() < 2


def test_pooling_starts_as_the_mean_of_the_valid_steps() -> None:
    h, mask = torch.randn(1, 4, 8), torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    pooled, weights = KeyPooling(8)(h, mask)
    torch.testing.assert_close(pooled, h[:, [0, 2]].mean(dim=1))
    torch.testing.assert_close(weights, mask / 2)


def test_attention_ignores_masked_keys_and_agrees_with_torch() -> None:
    torch.manual_seed(1)
    ours, theirs = Attention(16, 4, 0.0).eval(), torch.nn.MultiheadAttention(16, 4, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.weight.copy_(ours.out.weight)
        theirs.out_proj.bias.copy_(ours.out.bias)
    queries, keys = torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    mask = torch.tensor([[1.0, 1, 0, 1, 0], [1, 0, 0, 0, 0]])
    expected, _ = theirs(queries, keys, keys, key_padding_mask=mask < 0.5)
    torch.testing.assert_close(ours(queries, keys, mask_bias(mask)), expected)


def test_a_shortened_step_is_valid_where_any_of_its_steps_is() -> None:
    mask = torch.tensor([[0.0, 0, 0, 0, 0, 1, 0, 0, 0]])
    assert shorten_mask(mask, 4).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_what_an_absent_stream_holds_changes_nothing(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    expected = run(net, inputs)
    for m in set(range(3)) - set(pattern):
        values, mask = stream_fields(m)
        noise = torch.randn_like(getattr(inputs, values)) * 100
        noise[:, 0] = float("nan")
        flipped = 1.0 - getattr(inputs, mask)
        assert_same(expected, run(net, inputs._replace(**{values: noise, mask: flipped})))


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_a_stream_without_a_valid_step_is_absent(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    expected = run(net, inputs)
    masked = inputs._replace(present=torch.ones(3, 3))
    for m in set(range(3)) - set(pattern):
        mask = stream_fields(m)[1]
        masked = masked._replace(**{mask: torch.zeros_like(getattr(inputs, mask))})
    assert_same(expected, run(net, masked))


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_padding_changes_nothing(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    padded = inputs
    for m, extra in enumerate((5, 11, 6)):
        values, mask = stream_fields(m)
        x, valid = getattr(inputs, values), getattr(inputs, mask)
        junk = torch.full((x.shape[0], extra, x.shape[2]), float("inf"))
        padded = padded._replace(
            **{values: torch.cat([x, junk], dim=1), mask: torch.cat([valid, torch.zeros(x.shape[0], extra)], dim=1)}
        )
    after = run(net, padded)
    assert_same(run(net, inputs), after, steps=LENGTHS[0])
    assert (after.text_attn[:, LENGTHS[0] :] == 0).all()


def test_what_a_masked_step_holds_changes_nothing() -> None:
    net, inputs = shaken_net(), windows((0, 1, 2))
    changed = inputs
    for m in range(3):
        values, mask = stream_fields(m)
        x, valid = getattr(inputs, values), getattr(inputs, mask).unsqueeze(2) > 0
        changed = changed._replace(**{values: torch.where(valid, x, torch.full_like(x, float("nan")))})
    assert_same(run(net, inputs), run(net, changed))


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_every_valid_stream_counts(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    before = run(net, inputs).score
    for m in pattern:
        values = stream_fields(m)[0]
        x = getattr(inputs, values)
        changed = inputs._replace(**{values: torch.randn_like(x)})
        assert (run(net, changed).score - before).abs().min() > 1e-6, STREAMS[m]


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_shares_and_attention_sum_to_one_where_there_is_something(pattern: tuple[int, ...]) -> None:
    inputs = windows(pattern)
    out = run(shaken_net(), inputs)
    torch.testing.assert_close(out.modality_gate.sum(dim=1), torch.ones(3))
    assert (out.modality_gate * (1 - inputs.present) == 0).all()
    assert (out.unimodal_scores * (1 - inputs.present) == 0).all()
    text = torch.ones(3) if 0 in pattern else torch.zeros(3)
    torch.testing.assert_close(out.text_attn.sum(dim=1), text)
    assert (out.text_attn * (1 - inputs.text_mask) == 0).all()
    torch.testing.assert_close(out.polarity_probs.sum(dim=1), torch.ones(3))


def test_a_window_does_not_depend_on_its_batch() -> None:
    net, inputs = shaken_net(), windows((0, 1, 2))
    whole = run(net, inputs)
    one = run(net, Inputs(*(x[1:2] for x in inputs)))
    assert_same(Served(*(x[1:2] for x in whole)), one)


def test_uncertainty_trains_its_own_head_alone() -> None:
    net, inputs = shaken_net().train(), windows((0, 1, 2))
    net(inputs).log_b.sum().backward()
    touched = {key.split(".")[0] for key, p in net.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert touched == {"log_b"}


def test_features_are_standardised_and_clipped_inside() -> None:
    net = shaken_net()
    rows: Tensor = torch.randn(500, 136) * 7 + 3
    net.encoders[1].fit(rows)
    inputs = windows((1,))
    low = inputs._replace(audio=torch.full_like(inputs.audio, 1e3))
    high = inputs._replace(audio=torch.full_like(inputs.audio, 1e9))
    assert_same(run(net, low), run(net, high))


MMMO = (StreamShape(300, 20, 1, 1), StreamShape(74, 20, 3, 1), StreamShape(36, 20, 3, 1))
ABLATIONS = {
    "scalar weights": FusionConfig(dynamic_weight="scalar"),
    "no weights": FusionConfig(dynamic_weight="none"),
    "no co-attention": FusionConfig(coattention=False),
    "other shapes": FusionConfig(shapes=MMMO),
}


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
@pytest.mark.parametrize("config", ABLATIONS.values(), ids=ABLATIONS.keys())
def test_ablations_and_other_shapes_keep_the_rule_of_masks(config: FusionConfig, pattern: tuple[int, ...]) -> None:
    net = shaken_net(config=config)
    inputs = windows(pattern, shapes=config.shapes)
    expected = run(net, inputs)
    changed = inputs
    for m in range(3):
        values, mask = stream_fields(m)
        x, seen = getattr(inputs, values), getattr(inputs, mask).unsqueeze(2) * float(m in pattern) > 0
        changed = changed._replace(**{values: torch.where(seen, x, torch.full_like(x, float("nan")))})
    assert_same(expected, run(net, changed))


def test_scalar_weights_are_the_same_for_each_dimension_of_a_step() -> None:
    torch.manual_seed(0)
    weigh = DynamicWeight(8, 1)
    h = torch.rand(1, 4, 8) + 0.5
    assert torch.equal(weigh(h, torch.ones(1, 4)), h)
    torch.nn.init.normal_(weigh.gain.weight)
    gain = weigh(h, torch.ones(1, 4)) / h
    assert gain.std(dim=1).min() > 0
    assert gain.std(dim=2).max() < 1e-6


def test_without_co_attention_no_stream_asks_another() -> None:
    net, inputs = shaken_net(config=FusionConfig(coattention=False)), windows((0, 1, 2))
    with torch.no_grad():
        before = net(inputs).parts[:, :, :-1]
        after = net(inputs._replace(text=torch.randn_like(inputs.text))).parts[:, :, :-1]
    share = after[:, 1:] / before[:, 1:]
    torch.testing.assert_close(share, share[:, :1, :1].expand_as(share), atol=1e-4, rtol=1e-4)
    assert not hasattr(net, "proxies")


def test_examples_are_collated_to_the_shapes_of_the_net() -> None:
    voice = Piece(np.zeros((4, 74), np.float32), np.ones(4, bool), 1.0)
    inputs = collate([Example((None, voice, None), 1)], MMMO).inputs
    assert [x.shape[2] for x in (inputs.text, inputs.audio, inputs.video)] == [300, 74, 36]
    assert torch.isfinite(run(shaken_net(config=FusionConfig(shapes=MMMO)), inputs).score).all()


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_score_and_polarity_start_from_what_the_leading_stream_says(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    with torch.no_grad():
        net.score.weight.zero_()
        net.polarity.weight.zero_()
        out = net(inputs)
    torch.testing.assert_close(out.score, out.unimodal_scores[:, pattern[0]])
    torch.testing.assert_close(out.polarity_logits, out.unimodal_logits[:, pattern[0]])


@pytest.mark.parametrize("pattern", PATTERNS[:3], ids=name)
def test_a_stream_alone_keeps_its_own_word(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    with torch.no_grad():
        out = net(inputs)
    torch.testing.assert_close(out.score, out.unimodal_scores[:, pattern[0]])
    torch.testing.assert_close(out.polarity_logits, out.unimodal_logits[:, pattern[0]])


def test_words_are_read_along_their_line() -> None:
    net, inputs = shaken_net(), windows((0,))
    with torch.no_grad():
        out = net(inputs)
        assert net.reading is not None
        reading = net.reading(inputs.text, inputs.text_mask, inputs.before, inputs.before_seconds).squeeze(1)
    torch.testing.assert_close(out.unimodal_scores[:, 0], reading)


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_the_score_is_the_sum_of_what_its_parts_say(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net(), windows(pattern)
    with torch.no_grad():
        out = net(inputs)
        pulls = net.pulls(out.parts, inputs.present)
    torch.testing.assert_close(pulls.sum(dim=1), out.score)


def a_reading() -> tuple[Reading, Line]:
    torch.manual_seed(0)
    line = Line(torch.randn(6) * 0.2, torch.tensor(0.3))
    reading = Reading(6)
    reading.follow(line)
    return reading, line


NOTHING = (torch.full((1, 6), float("nan")), torch.zeros(1))


def test_a_reading_is_that_of_its_segments_by_their_time_and_ignores_masked_words() -> None:
    reading, line = a_reading()
    first, second = torch.randn(1, 3, 6), torch.randn(1, 2, 6)
    padded = torch.cat([first, second, torch.full((1, 1, 6), float("nan"))], dim=1)
    # Three quick words in 1 s, two slow ones in 4 s.
    read = reading(padded, torch.tensor([[1 / 3, 1 / 3, 1 / 3, 2.0, 2.0, 0.0]]), *NOTHING)
    alone = [reading(words, torch.ones(words.shape[:2]), *NOTHING) for words in (first, second)]
    torch.testing.assert_close(read, (alone[0] + 4 * alone[1]) / 5)
    torch.testing.assert_close(alone[0][0, 0], first[0].mean(dim=0) @ line.weight + line.bias)
    assert reading(50 * padded[:, :5], torch.ones(1, 5), *NOTHING).abs().max() <= 3


def test_a_reading_leans_on_what_was_said_before_and_more_so_the_more_that_was() -> None:
    reading, line = a_reading()
    words, before = torch.randn(1, 3, 6) * 0.1, torch.ones(1, 6)
    alone = reading(words, torch.ones(1, 3), *NOTHING)
    for seconds in (0.0, 2.0, 8.0, 30.0):
        added = reading(words, torch.ones(1, 3), before, torch.tensor([seconds])) - alone
        wanted = SHARE * seconds / (seconds + PRIOR) * (before[0] @ line.weight + line.bias)
        torch.testing.assert_close(added[0, 0], wanted)


def test_what_was_said_before_counts_only_beside_words() -> None:
    net, silent, spoken = shaken_net(), windows((1, 2)), windows((0, 1, 2))
    with torch.no_grad():
        assert_same(run(net, silent), run(net, silent._replace(before=silent.before + 9)))
        assert (run(net, spoken).score != run(net, spoken._replace(before=spoken.before + 9)).score).all()


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
def test_the_fused_score_trains_the_head_of_the_leading_stream_alone(pattern: tuple[int, ...]) -> None:
    net, inputs = shaken_net().train(), windows(pattern)
    out = net(inputs)
    (out.score.sum() + out.polarity_logits[:, 0].sum()).backward()
    for heads, m_has_head in ((net.unimodal_score, pattern[0] != 0), (net.unimodal_polarity, True)):
        taught = [
            m for m, head in enumerate(heads) if any(p.grad is not None and p.grad.any() for p in head.parameters())
        ]
        assert taught == ([pattern[0]] if m_has_head else [])
