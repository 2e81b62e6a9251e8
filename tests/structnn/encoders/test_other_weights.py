"""Weights that are made of others: pruned, parametrised, or given to a functional call."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from structnn import ENCODERS, Batch, Sentence, Tree, build_encoder
from structnn.fused.build import SWITCH, load
from structnn.fused.lstm import replace_lstms

needs_operator = pytest.mark.skipif(
    load("child_sum") is None, reason="needs a C++ compiler and AVX2"
)
BATCH = Batch.from_sentences(
    [
        Sentence(["a", "b", "c", "d"], dependencies=Tree([1, -1, 1, 2])),
        Sentence(["e", "f"], dependencies=Tree([-1, 0])),
    ]
)


def built(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    options = {"arity": 3} if name == "nary_tree_lstm" else {}
    encoder = build_encoder(name, 6, 8, **options).double().eval()
    return encoder, torch.randn(6, 6, dtype=torch.float64)


def vectors(encoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    encoding = encoder(x, BATCH)
    return torch.cat([encoding.nodes.flatten(), encoding.sentence.flatten()])


def matrices(encoder: nn.Module) -> list[tuple[nn.Module, str]]:
    return [
        (module, name)
        for module in encoder.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if name.startswith("weight")
        and parameter.dim() >= 2
        and parameter.flatten(1).abs().sum(1).all()
    ]


LEARNING = [name for name in ENCODERS.names() if matrices(built(name)[0])]


@pytest.fixture(params=["1", "0"], ids=["operators", "plain"])
def operators(request, monkeypatch):
    monkeypatch.setenv("STRUCTNN_FUSED", request.param)


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", ENCODERS.names())
def test_a_functional_call_is_a_call(name):
    encoder, x = built(name)
    expected = encoder(x, BATCH).nodes
    weights = {key: value.detach() for key, value in encoder.named_parameters()}
    found = functional_call(encoder, weights, (x, BATCH)).nodes
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", LEARNING)
def test_pruned_weights_are_used_and_learn(name):
    """As an encoder whose weights have zeros there; also in the step after the first."""
    encoder, x = built(name)
    other, _ = built(name)
    pairs = [*zip(matrices(encoder), matrices(other), strict=True)]
    for (module, key), (twin, _) in pairs:
        prune.l1_unstructured(module, key, amount=0.5)
        with torch.no_grad():
            getattr(twin, key).mul_(getattr(module, f"{key}_mask"))
    for _ in range(2):
        found, expected = vectors(encoder, x), vectors(other, x)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        found.sum().backward()
        expected.sum().backward()
        with torch.no_grad():
            for (module, key), (twin, _) in pairs:
                own, twins = getattr(module, f"{key}_orig"), getattr(twin, key)
                mask = getattr(module, f"{key}_mask")
                if twins.grad is not None:
                    torch.testing.assert_close(own.grad, twins.grad * mask, rtol=1e-7, atol=1e-8)
                    own.sub_(0.1 * own.grad)
                    twins.sub_(0.1 * twins.grad * mask)
                    own.grad = twins.grad = None


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", LEARNING)
def test_weights_by_direction_and_length_learn(name):
    encoder, x = built(name)
    expected = vectors(encoder, x)
    for module, key in matrices(encoder):
        parametrizations.weight_norm(module, key)
    found = vectors(encoder, x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    found.sum().backward()
    assert any(parameter.grad is not None for parameter in encoder.parameters())


class Counted(nn.Module):
    """A weight as it is, which counts how often it is made."""

    count = 0

    def forward(self, weight):
        self.count += 1
        return weight


@needs_operator
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_weights_made_of_others_are_made_once(name):
    encoder, x = built(name)
    counted = Counted()
    parametrize.register_parametrization(encoder.network, "weight_ih_l0", counted)
    before = counted.count
    encoder(x, BATCH)
    assert counted.count == before + 1


@pytest.mark.parametrize("name", [name for name in ENCODERS.names() if name.endswith("tree_lstm")])
def test_of_words_alone_no_weight_of_states_learns(name, monkeypatch):
    """With operators and without, an optimiser leaves it as it is; of others something is learnt."""
    words = Batch.from_sentences(
        [Sentence([w], dependencies=Tree([-1], labels=["root"])) for w in "abcdef"]
    )
    learn = []
    for switch in ("0", "1"):
        monkeypatch.setenv(SWITCH, switch)
        encoder, x = built(name)
        encoder(x, words).nodes.sum().backward()
        learn.append({key for key, one in encoder.named_parameters() if one.grad is not None})
    assert learn[0] == learn[1] < {key for key, _ in encoder.named_parameters()}
    encoder(x, BATCH).nodes.sum().backward()
    assert {key for key, one in encoder.named_parameters() if one.grad is not None} > learn[0]


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", LEARNING)
def test_weights_that_hooks_make_are_used_as_they_are_now(name):
    """Where a module is read and not called, too: after a step, and in the backward pass of each."""
    encoder, x = built(name)
    other, _ = built(name)
    for (module, key), (twin, _) in zip(matrices(encoder), matrices(other), strict=True):
        weight_norm(module, key)
        with torch.no_grad():
            getattr(module, f"{key}_g").mul_(2)
            getattr(twin, key).mul_(2)
    for _ in range(2):
        found = vectors(encoder, x)
        torch.testing.assert_close(found, vectors(other, x), rtol=1e-9, atol=1e-9)
        found.sum().backward()


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", LEARNING)
def test_weights_of_norm_one_learn(name):
    encoder, x = built(name)
    normed = [(module, key) for module, key in matrices(encoder) if isinstance(module, nn.Linear)]
    for module, key in normed:
        spectral_norm(module, key)
    vectors(encoder.train(), x).sin().sum().backward()
    assert all(getattr(module, f"{key}_orig").grad is not None for module, key in normed)


def called(name: str, register: str) -> set[str]:
    """The modules whose hooks of a kind are called in a step."""
    encoder, x = built(name)
    names: set[str] = set()
    for path, module in encoder.named_modules():
        if path.split(".")[-1].startswith("lin"):  # of PyG's layers, which are given their weights
            continue
        getattr(module, register)(lambda *_, path=path: names.add(path))
    vectors(encoder, x.requires_grad_()).sum().backward()
    return names


@pytest.mark.filterwarnings("ignore:.*backward hook:UserWarning")
@pytest.mark.parametrize("register", ["register_forward_hook", "register_full_backward_hook"])
@pytest.mark.parametrize("name", ENCODERS.names())
def test_operators_give_way_to_hooks(name, register, monkeypatch):
    found = called(name, register)
    monkeypatch.setenv("STRUCTNN_FUSED", "0")
    assert found == called(name, register)


@pytest.mark.filterwarnings("ignore")  # PyTorch has newer ways to quantise
@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", ENCODERS.names())
@torch.no_grad()
def test_quantised_weights_are_used(name):
    """To the precision of 8 bits, of weights that are replaced, as those of an LSTM are."""
    encoder, x = built(name)
    expected = vectors(encoder, x).float()
    quantised = torch.ao.quantization.quantize_dynamic(encoder.float())
    torch.testing.assert_close(vectors(quantised, x.float()), expected, rtol=0.1, atol=0.1)


@torch.no_grad()
def test_lstms_for_inference_take_the_place_of_those_of_an_encoder():
    encoder, x = built("bilstm")
    expected = vectors(encoder, x)
    replace_lstms(encoder)
    torch.testing.assert_close(vectors(encoder, x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", ["lstm", "bigru", "rnn"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_recurrent_networks_read_vectors_of_another_precision(name, dtype):
    """As those of trees do: on any machine, and when notes are taken."""
    encoder, x = built(name)
    encoder, x = encoder.float(), x.to(dtype)
    torch.testing.assert_close(vectors(encoder, x), vectors(encoder, x.float()))
