"""Tree-LSTMs to be timed: structnn's, other people's, plain recursion, and what they are held against.

All are given the same word vectors ``x`` ``(nodes, input)``, a row for each word in the order of the
sentences, as an embedding gives them. (``nn.LSTM`` is given them packed: its collation can permute
word numbers for nothing.) What each one makes of a batch before it sees vectors is its collation; all
that can be known of a sentence by itself is made once, before anything is timed.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from benchmarks.tree_data import Indices, tree_of
from structnn import Tree
from structnn.data.batch import Batch
from structnn.data.corpus import Corpus
from structnn.encoders.base import Encoder
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from structnn.fused.build import SWITCH

os.environ.setdefault("DGLBACKEND", "pytorch")
# At each pass DGL says that no edges lead to leaves.
warnings.filterwarnings("ignore", message="The input graph for the user-defined edge function")

__all__ = [
    "Dgl",
    "LeanRecursion",
    "Lstm",
    "NodeByNode",
    "OfStructnn",
    "Ours",
    "Products",
    "PytorchTreeLstm",
    "Recursion",
    "TreeContender",
    "WithoutOperator",
    "installed",
    "operators_off",
]


def installed(module: str) -> bool:
    """Whether a peer can be imported."""
    return importlib.util.find_spec(module) is not None


class TreeContender:
    """A network, the batches that it reads, and what is wanted of it.

    Attributes:
        name: As it stands in the tables.
        corpus: The sentences that batches are drawn from.
    """

    name: str
    corpus: Corpus

    def collate(self, chosen: Indices) -> Any:
        """What the network reads of the sentences of these indices."""
        raise NotImplementedError

    def forward(self, x: Tensor, data: Any) -> Tensor:
        """``(nodes, input)`` to the states, ``(nodes, hidden)``."""
        raise NotImplementedError

    def train(self, x: Tensor, grad: Tensor, data: Any) -> None:
        """Forward and backward, to the weights and to the word vectors, which learn too.

        Args:
            x: ``(nodes, input)``.
            grad: ``(nodes, hidden)``, the gradient of the states.
            data: What :meth:`collate` gave.
        """
        x = x.detach().requires_grad_()
        self.forward(x, data).backward(grad)
        self.forget_gradients()

    def parameters(self) -> dict[str, Tensor]:
        """The weights by their names in the paper, gates in the order i, o, u; each a leaf."""
        raise NotImplementedError

    @cached_property
    def _learning(self) -> tuple[Tensor, ...]:
        # An optimiser has its list, too, and does not ask for it at each step.
        return tuple(self.parameters().values())

    def forget_gradients(self) -> None:
        """As an optimiser does after its step."""
        for parameter in self._learning:
            parameter.grad = None

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        """The states and all gradients, to be compared with another contender's."""
        x = x.detach().requires_grad_()
        states = self.forward(x, data)
        states.backward(grad)
        results = {"states": states.detach(), "gradient of x": _grad(x)}
        for name, parameter in self.parameters().items():
            results[f"gradient of {name}"] = _grad(parameter)
        self.forget_gradients()
        return results


class OfStructnn(TreeContender):
    """An encoder of structnn, from tokens in the order of the sentences to states in that order.

    Args:
        corpus: The sentences that batches are drawn from.
        encoder: The encoder.
        name: As it stands in the tables.
    """

    def __init__(self, corpus: Corpus, encoder: Encoder, name: str) -> None:
        self.corpus = corpus
        self.encoder = encoder
        self.name = name

    def collate(self, chosen: Indices) -> Batch:
        return self.encoder.prepare(self.corpus.batch(chosen))

    def forward(self, x: Tensor, data: Batch) -> Tensor:
        return self.encoder.encode(x, data)

    def parameters(self) -> dict[str, Tensor]:
        return dict(self.encoder.named_parameters())


class Ours(OfStructnn):
    """structnn's child-sum Tree-LSTM."""

    name = "structnn"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        super().__init__(corpus, encoder, self.name)

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        results = super().results(x, grad, data)
        hidden = self.encoder.output_dim
        for kind, name in (("weight", "W"), ("bias", "b")):
            both = results.pop(f"gradient of words.{kind}").split([3 * hidden, hidden])
            results[f"gradient of {name}_iou"], results[f"gradient of {name}_f"] = both
        results["gradient of U_iou"] = results.pop("gradient of cell.child_gates.weight")
        results["gradient of U_f"] = results.pop("gradient of cell.forget_gate.weight")
        return results


class WithoutOperator(TreeContender):
    """The same in plain PyTorch, as where there is no compiler.

    Args:
        contender: Of structnn.
    """

    name = "structnn, plain PyTorch"

    def __init__(self, contender: OfStructnn) -> None:
        self.corpus = contender.corpus
        self.contender = contender

    def collate(self, chosen: Indices) -> Batch:
        return self.contender.collate(chosen)

    def forward(self, x: Tensor, data: Batch) -> Tensor:
        with operators_off():
            return self.contender.forward(x, data)

    def train(self, x: Tensor, grad: Tensor, data: Batch) -> None:
        with operators_off():
            self.contender.train(x, grad, data)

    def parameters(self) -> dict[str, Tensor]:
        return self.contender.parameters()

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        with operators_off():
            return self.contender.results(x, grad, data)


@contextmanager
def operators_off() -> Iterator[None]:
    """Within this block structnn computes without its operators in C++."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before


@dataclass(frozen=True)
class Weights:
    """The weights of a child-sum Tree-LSTM by their names in the paper, gates in the order i, o, u."""

    w_iou: Tensor
    w_f: Tensor
    b_iou: Tensor
    b_f: Tensor
    u_iou: Tensor
    u_f: Tensor

    @classmethod
    def of(cls, encoder: ChildSumTreeLSTM) -> Weights:
        """Copies of the encoder's."""
        sizes = [3 * encoder.output_dim, encoder.output_dim]
        w_iou, w_f = encoder.words.weight.detach().clone().split(sizes)
        b_iou, b_f = encoder.words.bias.detach().clone().split(sizes)
        u_iou = encoder.cell.child_gates.weight.detach().clone()
        u_f = encoder.cell.forget_gate.weight.detach().clone()
        return cls(w_iou, w_f, b_iou, b_f, u_iou, u_f)

    def require_gradients(self) -> Weights:
        """Let them learn; returns itself."""
        for weight in self.named().values():
            weight.requires_grad_()
        return self

    def named(self) -> dict[str, Tensor]:
        """By name, as in :meth:`TreeContender.results`."""
        return {
            "W_iou": self.w_iou,
            "W_f": self.w_f,
            "b_iou": self.b_iou,
            "b_f": self.b_f,
            "U_iou": self.u_iou,
            "U_f": self.u_f,
        }


class NodeByNode(TreeContender):
    """The equations as they stand in the paper: a function calls itself on a node's children.

    A leaf reads zeros in their place.
    """

    def collate(self, chosen: Indices) -> list[Tree]:
        return [tree_of(self.corpus.sentences[index]) for index in chosen.tolist()]

    def forward(self, x: Tensor, data: list[Tree]) -> Tensor:
        states = []
        for tree, words in zip(data, x.split([len(tree) for tree in data]), strict=True):
            of_tree: dict[int, Tensor] = {}
            self.visit(tree.root, tree, words, of_tree)
            states += [of_tree[node] for node in range(len(tree))]
        return torch.cat(states)

    def visit(
        self, node: int, tree: Tree, words: Tensor, states: dict[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The states h and c of a node; h is also put into ``states``, ``(1, hidden)``."""
        raise NotImplementedError


class Recursion(NodeByNode):
    """The layers and operations of treelstm.pytorch, the best known such code.

    There is a linear layer each for the word and for the children, of gates i, o and u together and of
    the forget gates.
    """

    name = "recursion in Python"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        self.corpus = corpus
        self.hidden = encoder.output_dim
        self.ioux = nn.Linear(encoder.input_dim, 3 * self.hidden)
        self.fx = nn.Linear(encoder.input_dim, self.hidden)
        self.iouh = nn.Linear(self.hidden, 3 * self.hidden)
        self.fh = nn.Linear(self.hidden, self.hidden)
        weights = Weights.of(encoder)
        self.ioux.load_state_dict({"weight": weights.w_iou, "bias": weights.b_iou})
        self.fx.load_state_dict({"weight": weights.w_f, "bias": weights.b_f})
        zeros = torch.zeros(3 * self.hidden)  # a second bias, as there
        self.iouh.load_state_dict({"weight": weights.u_iou, "bias": zeros})
        self.fh.load_state_dict({"weight": weights.u_f, "bias": zeros[: self.hidden]})

    def parameters(self) -> dict[str, Tensor]:
        return {
            "W_iou": self.ioux.weight,
            "W_f": self.fx.weight,
            "b_iou": self.ioux.bias,
            "b_f": self.fx.bias,
            "U_iou": self.iouh.weight,
            "U_f": self.fh.weight,
        }

    def forget_gradients(self) -> None:
        super().forget_gradients()
        self.iouh.bias.grad = self.fh.bias.grad = None

    def visit(
        self, node: int, tree: Tree, words: Tensor, states: dict[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Both states are ``(1, hidden)``."""
        below = [self.visit(child, tree, words, states) for child in tree.children[node]]
        if below:
            h_k, c_k = (torch.cat(parts) for parts in zip(*below, strict=True))
        else:
            h_k, c_k = words.new_zeros(1, self.hidden), words.new_zeros(1, self.hidden)
        x = words[node : node + 1]
        gates = self.ioux(x) + self.iouh(torch.sum(h_k, dim=0, keepdim=True))
        i, o, u = torch.split(gates, self.hidden, dim=1)
        f_k = torch.sigmoid(self.fh(h_k) + self.fx(x).repeat(len(h_k), 1))
        remembered = torch.sum(f_k * c_k, dim=0, keepdim=True)
        c = torch.sigmoid(i) * torch.tanh(u) + remembered
        h = torch.sigmoid(o) * torch.tanh(c)
        states[node] = h
        return h, c


class LeanRecursion(NodeByNode):
    """As few and as cheap operations as we know how to write it with."""

    name = "recursion, lean"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        self.corpus = corpus
        self.weights = Weights.of(encoder).require_gradients()
        self.no_child = torch.zeros(1, encoder.output_dim)

    def parameters(self) -> dict[str, Tensor]:
        return self.weights.named()

    def visit(
        self, node: int, tree: Tree, words: Tensor, states: dict[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Both states are ``(hidden,)``."""
        weights, x = self.weights, words[node]
        below = [self.visit(child, tree, words, states) for child in tree.children[node]]
        h_k = torch.stack([h for h, _ in below]) if below else self.no_child  # (children, hidden)
        c_k = torch.stack([c for _, c in below]) if below else self.no_child
        gates = F.linear(x, weights.w_iou, weights.b_iou) + F.linear(h_k.sum(0), weights.u_iou)
        i, o, u = gates.chunk(3)
        f_k = (F.linear(x, weights.w_f, weights.b_f) + F.linear(h_k, weights.u_f)).sigmoid()
        c = i.sigmoid() * u.tanh() + (f_k * c_k).sum(0)
        h = o.sigmoid() * c.tanh()
        states[node] = h.unsqueeze(0)
        return h, c


class PytorchTreeLstm(TreeContender):
    """The package pytorch-tree-lstm; it expects edges sorted by parent, and fails on one-word trees."""

    name = "pytorch-tree-lstm"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        import treelstm

        self.corpus = corpus
        self.batch_trees = treelstm.batch_tree_input
        self.network = treelstm.TreeLSTM(encoder.input_dim, encoder.output_dim)
        weights = Weights.of(encoder)
        self.network.load_state_dict(
            {
                "W_iou.weight": weights.w_iou,
                "W_iou.bias": weights.b_iou,
                "U_iou.weight": weights.u_iou,
                "W_f.weight": weights.w_f,
                "W_f.bias": weights.b_f,
                "U_f.weight": weights.u_f,
            }
        )
        self.trees = []
        for sentence in corpus.sentences:
            tree = tree_of(sentence)
            edges = [
                (parent, child) for parent in range(len(tree)) for child in tree.children[parent]
            ]
            node_order, edge_order = treelstm.calculate_evaluation_orders(edges, len(tree))
            self.trees.append(
                {
                    "features": torch.arange(len(tree)),  # the words' numbers
                    "node_order": torch.from_numpy(node_order),
                    "edge_order": torch.from_numpy(edge_order),
                    "adjacency_list": torch.tensor(edges),
                }
            )

    def collate(self, chosen: Indices) -> dict[str, Tensor]:
        data: dict[str, Tensor] = self.batch_trees([self.trees[index] for index in chosen.tolist()])
        return data

    def forward(self, x: Tensor, data: dict[str, Tensor]) -> Tensor:
        states: Tensor
        states, _ = self.network(x, data["node_order"], data["adjacency_list"], data["edge_order"])
        return states

    def parameters(self) -> dict[str, Tensor]:
        network = self.network
        return {
            "W_iou": network.W_iou.weight,
            "W_f": network.W_f.weight,
            "b_iou": network.W_iou.bias,
            "b_f": network.W_f.bias,
            "U_iou": network.U_iou.weight,
            "U_f": network.U_f.weight,
        }


class Dgl(TreeContender):
    """A Tree-LSTM on DGL's topological propagation, with the cell that DGL publishes.

    That cell's forget gate reads the child alone: it omits :math:`W^{(f)} x_j`, and so some work. It
    is compared with structnn's encoder after those weights are set to zero. At nodes with children
    the published cell forgets the word altogether, being made for words at leaves; this one adds it.
    """

    name = "DGL"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        import dgl

        self.corpus = corpus
        self.weights = Weights.of(encoder).require_gradients()
        self.dgl = dgl
        self.graphs = []
        for sentence in corpus.sentences:
            tree = tree_of(sentence)
            children = [node for node, parent in enumerate(tree.parents) if parent >= 0]
            parents = [parent for parent in tree.parents if parent >= 0]
            graph = dgl.graph(
                (
                    torch.tensor(children, dtype=torch.int64),
                    torch.tensor(parents, dtype=torch.int64),
                ),
                num_nodes=len(tree),
            )
            graph.ndata["word"] = torch.arange(len(tree))
            self.graphs.append(graph)

    def collate(self, chosen: Indices) -> Any:
        return self.dgl.batch([self.graphs[index] for index in chosen.tolist()])

    def forward(self, x: Tensor, data: Any) -> Tensor:
        with data.local_scope():
            data.ndata["iou"] = F.linear(x, self.weights.w_iou)
            data.ndata["h"] = x.new_zeros(len(x), self.weights.u_f.shape[0])
            data.ndata["c"] = x.new_zeros(len(x), self.weights.u_f.shape[0])
            self.dgl.prop_nodes_topo(data, self._send, self._reduce, apply_node_func=self._apply)
            states: Tensor = data.ndata["h"]
            return states

    def _send(self, edges: Any) -> dict[str, Tensor]:
        return {"h": edges.src["h"], "c": edges.src["c"]}

    def _reduce(self, nodes: Any) -> dict[str, Tensor]:
        h, c = nodes.mailbox["h"], nodes.mailbox["c"]  # (nodes, children, hidden)
        forget = F.linear(h, self.weights.u_f, self.weights.b_f).sigmoid()
        return {
            "iou": F.linear(h.sum(1), self.weights.u_iou) + nodes.data["iou"],
            "c": (forget * c).sum(1),
        }

    def _apply(self, nodes: Any) -> dict[str, Tensor]:
        i, o, u = (nodes.data["iou"] + self.weights.b_iou).chunk(3, dim=1)
        c = i.sigmoid() * u.tanh() + nodes.data["c"]
        return {"h": o.sigmoid() * c.tanh(), "c": c}

    def parameters(self) -> dict[str, Tensor]:
        return {name: weight for name, weight in self.weights.named().items() if name != "W_f"}


class Lstm(TreeContender):
    """``nn.LSTM`` over the sentences, packed; on left chains it computes what the Tree-LSTM does."""

    name = "nn.LSTM, packed"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        self.corpus = corpus
        self.network = nn.LSTM(encoder.input_dim, encoder.output_dim)
        weights = Weights.of(encoder)
        self.network.load_state_dict(
            {
                "weight_ih_l0": _lstm_gates(weights.w_iou, weights.w_f),
                "weight_hh_l0": _lstm_gates(weights.u_iou, weights.u_f),
                "bias_ih_l0": _lstm_gates(weights.b_iou, weights.b_f),
                "bias_hh_l0": torch.zeros(4 * encoder.output_dim),
            }
        )

    def collate(self, chosen: Indices) -> tuple[Batch, Tensor, Tensor]:
        batch = self.corpus.batch(chosen)
        order, _, sizes = batch.packing
        assert batch.token_ids is not None
        return batch, sizes, batch.token_ids.index_select(0, order)

    def forward(self, x: Tensor, data: tuple[Batch, Tensor, Tensor]) -> Tensor:
        states, _ = self.network(PackedSequence(x, data[1]))
        packed: Tensor = states.data
        return packed

    def parameters(self) -> dict[str, Tensor]:
        return dict(self.network.named_parameters())

    def results(self, x: Tensor, grad: Tensor, data: Any) -> dict[str, Tensor]:
        order, inverse, _ = data[0].packing
        results = super().results(x[order], grad[order], data)
        for name in ("states", "gradient of x"):
            results[name] = results[name][inverse]
        del results["gradient of bias_hh_l0"]  # the same as that of the other bias
        for theirs, name in (("weight_ih_l0", "W"), ("weight_hh_l0", "U"), ("bias_ih_l0", "b")):
            i, f, u, o = results.pop(f"gradient of {theirs}").chunk(4)
            results[f"gradient of {name}_iou"] = torch.cat([i, o, u])
            results[f"gradient of {name}_f"] = f
        return results


class Products(TreeContender):
    """The matrix products that a child-sum Tree-LSTM can't do without, and nothing else.

    Each is done at once for the whole batch, though levels have to wait for each other, and only where
    it is needed: forget gates are for nodes with children, and leaves have no children to sum. Results
    go to buffers that are used again.
    """

    name = "its products alone"

    def __init__(self, corpus: Corpus, encoder: ChildSumTreeLSTM) -> None:
        self.corpus = corpus
        self.weights = Weights.of(encoder)
        trees = [tree_of(sentence) for sentence in corpus.sentences]
        self.inner = np.array([sum(map(bool, tree.children)) for tree in trees])
        self.children = np.array([len(tree) - 1 for tree in trees])
        self.buffers: dict[str, Tensor] = {}

    def collate(self, chosen: Indices) -> tuple[int, int]:
        return int(self.inner[chosen].sum()), int(self.children[chosen].sum())

    def forward(self, x: Tensor, data: tuple[int, int]) -> Tensor:
        weights, (inner, children) = self.weights, data
        h = self.buffer("h", len(x), len(weights.u_f))  # states, and sums of children's
        self.product("gates", x, weights.w_iou.t())
        self.product("forget", x[:inner], weights.w_f.t())
        self.product("child gates", h[:inner], weights.u_iou.t())
        self.product("child forget", h[:children], weights.u_f.t())
        return h

    def train(self, x: Tensor, grad: Tensor, data: tuple[int, int]) -> None:
        weights, (inner, children) = self.weights, data
        h = self.forward(x, data)
        # What stands for the gradients of gates and of forget gates.
        gates = self.buffer("gates", len(x), len(weights.w_iou))
        forget, child_forget = self.buffer("forget", inner, len(weights.u_f)), grad[:children]
        self.product("d x", gates, weights.w_iou)
        self.product("d x of inner nodes", forget, weights.w_f)
        self.product("d h", gates[:inner], weights.u_iou)
        self.product("d h of children", child_forget, weights.u_f)
        self.product("d W_iou", gates.t(), x)
        self.product("d W_f", forget.t(), x[:inner])
        self.product("d U_iou", gates[:inner].t(), h[:inner])
        self.product("d U_f", child_forget.t(), h[:children])

    def parameters(self) -> dict[str, Tensor]:
        return {}

    def product(self, name: str, one: Tensor, other: Tensor) -> Tensor:
        """The product, in the buffer of this name."""
        return torch.mm(one, other, out=self.buffer(name, one.shape[0], other.shape[1]))

    def buffer(self, name: str, rows: int, columns: int) -> Tensor:
        """So many rows of the buffer of this name, which grows where it has to."""
        buffer = self.buffers.get(name)
        if buffer is None or len(buffer) < rows:
            buffer = self.buffers[name] = torch.zeros(rows, columns)
        return buffer[:rows]


def _lstm_gates(iou: Tensor, f: Tensor) -> Tensor:
    """The gates in the order of ``nn.LSTM``: i, f, u (which it calls g), o."""
    i, o, u = iou.chunk(3)
    return torch.cat([i, f, u, o])


def _grad(tensor: Tensor) -> Tensor:
    if tensor.grad is None:
        return torch.zeros_like(tensor)
    return tensor.grad
