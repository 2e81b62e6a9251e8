"""The encoders, by name."""

from __future__ import annotations

from structnn.encoders.base import Encoder, Encoding
from structnn.encoders.chain import Chain
from structnn.options import at_least
from structnn.registry import Registry

__all__ = ["ENCODERS", "Chain", "Encoder", "Encoding", "build_encoder", "register_encoder"]

# Modules are named, not imported; torch-geometric loads where one of its layers is made.
ENCODERS: Registry[Encoder] = Registry("encoder")
# Sequences
ENCODERS.add("bag", "structnn.encoders.sequence.bag:Bag")
ENCODERS.add("dan", "structnn.encoders.sequence.bag:Bag", layers=3)
ENCODERS.add("rnn", "structnn.encoders.sequence.recurrent:RNN")
ENCODERS.add("birnn", "structnn.encoders.sequence.recurrent:RNN", bidirectional=True)
ENCODERS.add("lstm", "structnn.encoders.sequence.recurrent:LSTM")
ENCODERS.add("bilstm", "structnn.encoders.sequence.recurrent:LSTM", bidirectional=True)
ENCODERS.add("gru", "structnn.encoders.sequence.recurrent:GRU")
ENCODERS.add("bigru", "structnn.encoders.sequence.recurrent:GRU", bidirectional=True)
ENCODERS.add("min_gru", "structnn.encoders.sequence.min_gru:MinGRU")
ENCODERS.add("fast_weights", "structnn.encoders.sequence.unrolled:FastWeights")
ENCODERS.add("hyper_lstm", "structnn.encoders.sequence.unrolled:HyperLSTM")
ENCODERS.add("self_attentive", "structnn.encoders.sequence.recurrent:SelfAttentive")
ENCODERS.add("cnn", "structnn.encoders.sequence.cnn:CNN")
ENCODERS.add("transformer", "structnn.encoders.sequence.transformer:Transformer")
# Trees
ENCODERS.add("recursive_nn", "structnn.encoders.tree.recursive:RecursiveNN")
ENCODERS.add("rntn", "structnn.encoders.tree.recursive:RNTN")
ENCODERS.add("child_sum_tree_lstm", "structnn.encoders.tree.child_sum:ChildSumTreeLSTM")
ENCODERS.add("nary_tree_lstm", "structnn.encoders.tree.nary:NaryTreeLSTM")
ENCODERS.add("tree_gru", "structnn.encoders.tree.tree_gru:TreeGRU")
ENCODERS.add("relational_tree_lstm", "structnn.encoders.tree.relational:RelationalTreeLSTM")
ENCODERS.add("attentive_tree_lstm", "structnn.encoders.tree.attentive:AttentiveTreeLSTM")
ENCODERS.add(
    "bidirectional_tree_lstm", "structnn.encoders.tree.bidirectional:BidirectionalTreeLSTM"
)
ENCODERS.add("tree_transformer", "structnn.encoders.tree.tree_transformer:TreeTransformer")
# Graphs
ENCODERS.add("gcn", "structnn.encoders.graph.convolution:GCN")
ENCODERS.add("syntactic_gcn", "structnn.encoders.graph.convolution:SyntacticGCN")
ENCODERS.add("rgcn", "structnn.encoders.graph.convolution:RGCN")
ENCODERS.add("ggnn", "structnn.encoders.graph.convolution:GGNN")
ENCODERS.add("sage", "structnn.encoders.graph.convolution:SAGE")
ENCODERS.add("gin", "structnn.encoders.graph.convolution:GIN")
ENCODERS.add("gat", "structnn.encoders.graph.attention:GAT")
ENCODERS.add("gatv2", "structnn.encoders.graph.attention:GATv2")
ENCODERS.add("graph_transformer", "structnn.encoders.graph.attention:GraphTransformer")


def register_encoder(name: str, cls: type[Encoder]) -> None:
    """Make an encoder of your own available by name, here and on the command line.

    Args:
        name: Letters, digits and underscores.
        cls: A subclass of :class:`Encoder` whose constructor takes ``input_dim`` and ``hidden_dim``,
            then options with defaults as keyword-only arguments.

    Raises:
        ValueError: The name can't be one, or is another class's already.
    """
    ENCODERS.add(name, cls)


def build_encoder(name: str, input_dim: int, hidden_dim: int, **options: object) -> Encoder:
    """The encoder of this name, or a chain of several: ``"bilstm>gat"``.

    In a chain the token states of one encoder are the input of the next. Each may have its options
    with it, ``"bilstm(layers=2)>gat"``; those that are given apart go to the last.

    Args:
        name: A registered name, or several joined by ``>``, with or without options.
        input_dim: The width of the word vectors.
        hidden_dim: The width of the hidden states, as the encoder's own page defines it.
        options: The encoder's options.

    Raises:
        UnknownNameError: The name or an option is not known; the message lists the valid ones.
        ValueError: A dimension is below one, or no whole number; or an option's value is not accepted,
            or doesn't go with the others.

    Example:
        >>> import torch
        >>> from structnn import Batch, Sentence, Tree
        >>> tree = Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
        >>> batch = Batch.from_sentences([Sentence(["dogs", "chase", "cats"], dependencies=tree)])
        >>> encoder = build_encoder("bilstm>gat(heads=2)", input_dim=5, hidden_dim=8, layers=1)
        >>> encoding = encoder(torch.randn(batch.num_tokens, 5), batch)
        >>> encoding.tokens.shape, encoding.sentence.shape
        (torch.Size([3, 8]), torch.Size([1, 8]))
    """
    at_least(1, input_dim=input_dim, hidden_dim=hidden_dim)
    input_dim, hidden_dim = int(input_dim), int(hidden_dim)  # PyTorch refuses some of NumPy's
    parts = ENCODERS.parse(name, ">")
    parts[-1][1].update(options)
    chain: list[Encoder] = []
    for part, own in parts:
        chain.append(ENCODERS.build(part, own, input_dim, hidden_dim))
        input_dim = chain[-1].output_dim
    return Chain(chain) if len(chain) > 1 else chain[0]
