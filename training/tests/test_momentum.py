"""Each equation of momentum distillation, on a handful of numbers."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from fusion_material import material

from valence_training.fusion.contrast import contrast, hard_target, one_way, soft_target
from valence_training.fusion.distil import distil
from valence_training.fusion.heldout import alone
from valence_training.fusion.loss import loss
from valence_training.fusion.model import FusionConfig, FusionNet, Outputs
from valence_training.fusion.momentum import Teacher, momentum
from valence_training.fusion.pairing import NO_IDENTITY, Views, collate
from valence_training.fusion.projection import TAU_RANGE, WIDTH, ProjectedNet
from valence_training.fusion.queues import Queue, Samples
from valence_training.fusion.teaching import ALPHA, PolarityUses, Teaching, alpha_after, samples
from valence_training.fusion.train import TrainConfig, Trainer

SMALL = FusionConfig(encoder_layers=1, fusion_layers=1, dropout=0.0)
TAU = torch.tensor(0.07)


def some(scores: list[float], identity: list[int] | None = None, here: list[float] | None = None) -> Samples:
    """Samples with random unit vectors."""
    z = torch.nn.functional.normalize(torch.randn(len(scores), WIDTH), dim=1)
    number = torch.tensor(identity or [NO_IDENTITY] * len(scores))
    return Samples(z, number, torch.tensor(scores), torch.tensor(here or [1.0] * len(scores)))


def trainer(config: TrainConfig | None = None) -> Trainer:
    return Trainer(config or TrainConfig(warm_epochs=0, epochs=3, batch=8), material(), material(), SMALL)


def joint_views(seed: int = 0) -> Views:
    """A batch of a joint epoch, as it is shown and complete."""
    return next(iter(trainer(TrainConfig(seed=seed, warm_epochs=0, batch=8))._batches(1)))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def test_momentum_rises_to_its_limit() -> None:
    assert momentum(1, 0.995) == pytest.approx(2 / 11)
    assert momentum(10_000, 0.995) == 0.995


def test_the_teacher_is_the_running_average_and_has_no_gradient() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    teacher = Teacher(net, 0.995)
    expected = [p.detach().clone() for p in net.parameters()]
    for step in range(1, 6):
        with torch.no_grad():
            for p in net.parameters():
                p.add_(torch.randn_like(p))
        teacher.follow(net, step)
        m = min(0.995, (1 + step) / (10 + step))
        expected = [m * old + (1 - m) * p.detach() for old, p in zip(expected, net.parameters(), strict=True)]
    for mine, wanted in zip(teacher.net.parameters(), expected, strict=True):
        torch.testing.assert_close(mine, wanted)
        assert not mine.requires_grad
    assert not teacher.net.training
    assert not teacher.net[1].training


def test_a_step_trains_the_student_and_moves_the_teacher_by_the_average_alone() -> None:
    run = trainer(TrainConfig(warm_epochs=0, epochs=8, batch=8))
    run.steps = 12  # beyond the first joint epoch of 3 steps: distillation is on
    before = copy.deepcopy(run.teaching.teacher.net.state_dict())
    run._step(joint_views(), 3)
    m = min(0.995, 14 / 23)
    now = run.teaching.student.state_dict()
    for key, value in run.teaching.teacher.net.named_parameters():
        assert value.grad is None
        torch.testing.assert_close(value, m * before[key] + (1 - m) * now[key])
    projections = [p.grad for p in run.teaching.student.project.parameters()]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in projections)


def test_a_queue_drops_the_oldest_and_masks_what_is_empty() -> None:
    queue = Queue(4)
    assert queue.samples.here.sum() == 0
    queue.push(some([1.0, 2.0, 3.0], [1, 2, 3], [1.0, 0.0, 1.0]))
    assert sorted(queue.samples.identity[queue.samples.here > 0].tolist()) == [1, 3]
    queue.push(some([4.0, 5.0, 6.0], [4, 5, 6]))
    assert sorted(queue.samples.identity.tolist()) == [3, 4, 5, 6]
    queue.push(some([float(i) for i in range(7, 14)], list(range(7, 14))))
    assert sorted(queue.samples.identity.tolist()) == [10, 11, 12, 13]
    assert queue.samples.here.sum() == 4


def test_a_key_that_is_not_here_changes_nothing() -> None:
    queries, keys = some([1.0, -2.0, 0.0]), some([2.0, -1.0, 0.0, 1.0], here=[1.0, 1.0, 1.0, 0.0])
    student = torch.nn.functional.normalize(torch.randn(3, WIDTH), dim=1)
    shown = torch.ones(3)
    expected = one_way(student, queries, keys, shown, 0.4, TAU, by_polarity=True)
    other = keys._replace(z=keys.z.clone(), score=keys.score.clone(), identity=keys.identity.clone())
    other.z[3], other.score[3], other.identity[3] = 5.0, -3.0, 7
    for mine, wanted in zip(one_way(student, queries, other, shown, 0.4, TAU, by_polarity=True), expected, strict=True):
        assert torch.equal(mine, wanted)


def test_the_hard_target_is_half_identity_and_half_like_minded() -> None:
    queries = some([2.0, 2.0, -1.0], [7, NO_IDENTITY, 9])
    keys = some([2.0, 1.0, -2.0, 0.0], [7, 7, NO_IDENTITY, NO_IDENTITY])
    target = hard_target(queries, keys)
    near = torch.exp(torch.tensor([0.0, -1.0]))
    like = near / near.sum()
    torch.testing.assert_close(target.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(target[0], torch.cat([0.5 * torch.tensor([0.5, 0.5]) + 0.5 * like, torch.zeros(2)]))
    torch.testing.assert_close(target[1], torch.cat([like, torch.zeros(2)]))
    assert target[2].tolist() == [0, 0, 1, 0]


def test_strangers_have_no_identity_in_common() -> None:
    target = hard_target(some([2.0]), some([-2.0, 2.0]))
    assert target.tolist() == [[0, 1]]


def test_a_query_without_any_kin_has_no_hard_target_and_does_not_count() -> None:
    queries, keys = some([2.0, -2.0]), some([-1.0, -2.0])
    assert hard_target(queries, keys).sum(dim=1).tolist() == [0, 1]
    _, counts = one_way(queries.z, queries, keys, torch.ones(2), 0.4, TAU, by_polarity=True)
    assert counts.tolist() == [0, 1]


def test_without_polarity_every_key_is_kin() -> None:
    target = hard_target(some([0.4]), some([0.6, -3.0]), by_polarity=False)
    assert (target > 0).all()
    torch.testing.assert_close(target.sum(dim=1), torch.ones(1))


def test_the_soft_target_sums_to_one_and_is_damped_across_polarities() -> None:
    queries, keys = some([2.0, -1.0]), some([1.0, -1.0, 0.0], here=[1.0, 1.0, 1.0])
    same = torch.zeros(2, 3)
    target = soft_target(same, queries, keys, TAU)
    torch.testing.assert_close(target.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(target, torch.tensor([[1.0, 0.1, 0.1], [0.1, 1.0, 0.1]]) / 1.2)
    torch.testing.assert_close(soft_target(same, queries, keys, TAU, by_polarity=False), torch.full((2, 3), 1 / 3))
    masked = soft_target(same, queries, keys._replace(here=torch.tensor([0.0, 1.0, 1.0])), TAU)
    torch.testing.assert_close(masked, torch.tensor([[0.0, 0.5, 0.5], [0.0, 1 / 1.1, 0.1 / 1.1]]))


def test_the_cross_entropy_is_least_where_the_student_agrees_with_the_target() -> None:
    queries, keys = some([2.0]), some([2.0, -2.0])
    good, _ = one_way(keys.z[:1], queries, keys, torch.ones(1), 0.0, TAU, by_polarity=True)
    bad, _ = one_way(keys.z[1:], queries, keys, torch.ones(1), 0.0, TAU, by_polarity=True)
    likely = torch.log_softmax(keys.z[:1] @ keys.z.T / TAU, dim=1)[0, 0]
    torch.testing.assert_close(good[0], -likely)
    assert good < bad


def test_keys_and_targets_carry_no_gradient_and_absent_streams_do_not_count() -> None:
    teacher = [some([2.0, -1.0, 0.0])._replace(z=torch.randn(3, WIDTH, requires_grad=True)) for _ in range(3)]
    queues = [Queue() for _ in range(3)]
    student = torch.randn(3, 3, WIDTH, requires_grad=True)
    shown = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    tau = torch.nn.Parameter(TAU.clone())
    units = torch.nn.functional.normalize(student, dim=2)
    contrast(units, shown, teacher, queues, 0.4, tau).backward()
    assert student.grad is not None
    assert ((student.grad.abs().sum(dim=2) > 0) == (shown > 0)).all()
    assert all(s.z.grad is None for s in teacher)
    assert tau.grad is not None


def test_tau_stays_between_its_limits_and_can_return() -> None:
    net = ProjectedNet(FusionNet(SMALL))
    for far, limit in zip((-1.0, 9.0), TAU_RANGE, strict=True):
        with torch.no_grad():
            net.tau.fill_(far)
        assert net.clamped_tau().item() == pytest.approx(limit)
        assert net.tau.item() == pytest.approx(limit)
    net.clamped_tau().backward()
    assert net.tau.grad is not None
    assert net.tau.grad.item() == 1


def test_projections_are_unit_vectors_and_stay_out_of_the_served_net() -> None:
    views = joint_views()
    student = ProjectedNet(FusionNet(SMALL))
    torch.testing.assert_close(student(views.shown.inputs).z.norm(dim=2), torch.ones(8, 3))
    assert {key for key, _ in student.named_parameters()} - {f"net.{k}" for k, _ in student.net.named_parameters()} == {
        "tau",
        *(f"project.{m}.weight" for m in range(3)),
    }


def outputs(score: list[float], logits: list[list[float]]) -> Outputs:
    empty = torch.zeros(0)
    return Outputs(*([empty] * len(Outputs._fields)))._replace(
        score=torch.tensor(score), polarity_logits=torch.tensor(logits)
    )


def test_a_teacher_of_the_wrong_polarity_is_not_listened_to() -> None:
    student = outputs([0.0, 0.0], [[0.0, 0.0, 0.0]] * 2)
    teacher = outputs([2.0, 2.0], [[0.0, 0.0, 5.0]] * 2)
    target = torch.tensor([2.5, -2.5])
    wanted = torch.softmax(torch.tensor([0.0, 0.0, 5.0]), dim=0)
    kl = (wanted * (wanted * 3).log()).sum()
    each = 1.5 + 0.2 * kl  # SmoothL1 of 2 is 1.5; the student's guess is even
    torch.testing.assert_close(distil(student, teacher, target), each / 2)
    torch.testing.assert_close(distil(student, teacher, target, only_right=False), each)
    torch.testing.assert_close(distil(student, teacher, target, polarity=False), torch.tensor(0.75))


def test_alpha_starts_with_the_second_joint_epoch_and_ramps_over_five() -> None:
    assert alpha_after(0.99) is None
    assert alpha_after(1.0) == 0
    assert alpha_after(3.5) == pytest.approx(ALPHA / 2)
    assert alpha_after(6.0) == alpha_after(50.0) == ALPHA


@pytest.mark.parametrize("alpha", [None, 0.2])
def test_without_distillation_the_loss_is_that_of_the_labels(alpha: float | None) -> None:
    net, views, weight = FusionNet(SMALL).eval(), joint_views(), torch.ones(3)
    value = Teaching(net).loss(views, weight, alpha)
    labels = loss(net(views.shown.inputs), views.shown, weight)
    assert torch.equal(value, labels) == (alpha is None)


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_a_stream_alone_has_the_class_weights_of_its_own_row(stream: int) -> None:
    run = trainer()
    random = np.random.default_rng(0)
    batch = collate([alone(run._piece(stream, random), stream) for _ in range(8)])
    net, weight = FusionNet(SMALL).eval(), torch.tensor([3.0, 1.0, 0.2])
    by_stream = torch.ones(3, 3)
    by_stream[stream] = weight
    out = net(batch.inputs)
    assert torch.equal(loss(out, batch, by_stream), loss(out, batch, weight))
    assert not torch.equal(loss(out, batch, by_stream), loss(out, batch, torch.ones(3)))


def test_each_use_of_polarity_is_a_switch_of_its_own() -> None:
    views, weight = joint_views(), torch.ones(3)
    values = set()
    for switch in ({}, {"targets": False}, {"filter": False}, {"head": False}):
        torch.manual_seed(0)
        values.add(Teaching(FusionNet(SMALL), uses=PolarityUses(**switch)).loss(views, weight, 0.4).item())
    assert len(values) == 4


def test_the_teacher_sees_the_complete_window_and_the_student_what_is_left() -> None:
    whole, seen = [], []
    for seed in range(8):
        views = joint_views(seed)
        assert views.complete is not None
        whole.append(views.complete.inputs.present)
        seen.append(views.shown.inputs.present)
        torch.testing.assert_close(views.complete.target, views.shown.target)
    complete, left = torch.cat(whole), torch.cat(seen)
    assert (complete >= left).all()
    assert (left < complete).any()
    led = left.argmax(dim=1)
    assert torch.equal(complete, (torch.arange(3) >= led[:, None]).float())


def test_real_recordings_keep_their_identity_in_a_batch() -> None:
    run, random = trainer(), np.random.default_rng(0)
    example, _ = run._example(run._texts(random)[0], random)
    batch = collate([replace(example, identity=5)])
    found = samples(torch.zeros(1, 3, WIDTH), batch)
    assert [s.identity.tolist() for s in found] == [[5]] * 3
    assert [s.here.item() for s in found] == batch.inputs.present[0].tolist()
