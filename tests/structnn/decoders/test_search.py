from __future__ import annotations

import itertools

import pytest
import torch

from structnn import Batch, Memory, Search
from structnn.decoders.search import beam_search, follow, nucleus
from tests.structnn.decoders.common import SPECS, example, head_of
from tests.structnn.examples import assert_close


def step_of(table):
    """A step function whose probabilities depend on the last two pieces."""

    def step(last, state):
        (before,) = state
        return table[before[:, :, 0], last], (last[:, :, None],)

    return step


def made_up(pieces=4, sentences=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(pieces, pieces, pieces, generator=generator, dtype=torch.float64)
    firsts = torch.arange(sentences) % pieces
    return (1.5 * table).log_softmax(2), (firsts[:, None, None],)


def exhaustive(table, first, end, limit, search):
    """All sequences, best first."""
    found = []
    pieces = [piece for piece in range(len(table)) if piece != end]
    for length in range(limit + 1):
        for sequence in itertools.product(pieces, repeat=length):
            whole = [*sequence, end] if length < limit else [*sequence]
            if len(sequence) < search.min_length:
                continue
            total, before, last = 0.0, first, end
            for piece in whole:
                total += float(table[before, last, piece])
                before, last = last, piece
            found.append((total / max(len(whole), 1) ** search.length_penalty, total, [*sequence]))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("least", [0, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exhaustive(penalty, least, seed):
    table, state = made_up(seed=seed)
    limits = torch.tensor([4, 3, 2])
    search = Search(beam=400, n_best=5, length_penalty=penalty, min_length=least)
    found = beam_search(step_of(table), state, 3, limits, search)
    for number, own in enumerate(found):
        wanted = exhaustive(table, number, 3, int(limits[number]), search)[:5]
        assert [one.pieces for one in own] == [sequence for _, _, sequence in wanted]
        for one, (score, total, _) in zip(own, wanted, strict=False):
            assert one.score == pytest.approx(score)
            assert one.log_probability == pytest.approx(total)


@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_beam_written_out(seed):
    """Hypothesis by hypothesis, with lists."""
    table, state = made_up(pieces=5, seed=seed)
    limits = torch.full((3,), 6)
    search = Search(beam=2, n_best=2, length_penalty=1.0)
    found = beam_search(step_of(table), state, 4, limits, search)
    for number, own in enumerate(found):
        live, done = [(0.0, [])], []
        for length in range(1, 7):
            after = []
            for total, sequence in live:
                before = [number, 4, *sequence]
                for piece in range(5):
                    gained = float(table[before[-2], before[-1], piece])
                    after.append((total + gained, [*sequence, piece]))
            after.sort(reverse=True)
            done += [(t / length, s[:-1]) for t, s in after[:2] if s[-1] == 4]
            live = [(t, s) for t, s in after if s[-1] != 4][:2]
        done += [(t / 6, s) for t, s in live]
        wanted = sorted(done, reverse=True)[:2]
        assert [one.pieces for one in own] == [sequence for _, sequence in wanted]


def test_greedy_takes_the_most_likely_piece():
    table, state = made_up(seed=1)
    found = Search()(step_of(table), state, 3, torch.tensor([5, 5, 2]))
    for number, (one,) in enumerate(found):
        before, last, total, pieces = number, 3, 0.0, []
        for _ in range(int(torch.tensor([5, 5, 2])[number])):
            piece = int(table[before, last].argmax())
            total += float(table[before, last, piece])
            before, last = last, piece
            if piece == 3:
                break
            pieces.append(piece)
        assert one.pieces == pieces
        assert one.log_probability == pytest.approx(total)


def test_the_nucleus_is_the_fewest_that_reach_the_share():
    logs = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().expand(4000, -1)
    for share, kept in (
        (0.4, {0}),
        (0.5, {0}),
        (0.51, {0, 1}),
        (0.9, {0, 1, 2}),
        (1.0, {0, 1, 2, 3}),
    ):
        drawn = nucleus(logs, share, torch.Generator().manual_seed(0))
        assert set(drawn.tolist()) == kept
    assert abs((drawn == 0).float().mean() - 0.5) < 0.03


def test_sampling_is_reproducible_and_varies():
    table, _ = made_up(pieces=6, sentences=40)
    limits = torch.full((40,), 8)
    one, same, other = (
        Search(top_p=0.9, seed=seed)(step_of(table), state_of(40), 5, limits) for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize("temperature", [1e-300, 1e-40, 1e-3])
def test_the_coldest_draw_takes_the_most_likely_piece(temperature):
    table, _ = made_up(pieces=6, sentences=6)
    limits = torch.full((6,), 4)
    step = step_of(table.float())
    cold = Search(top_p=0.9, temperature=temperature)(step, state_of(6), 5, limits)
    assert cold == Search()(step, state_of(6), 5, limits)


@pytest.mark.parametrize("temperature", [1e30, 1e300])
def test_the_hottest_draws_are_even_and_keep_out_what_is_kept_out(temperature):
    logs = torch.tensor([-torch.inf, -0.1, -3.0, -4.0]).log_softmax(0)

    def step(last, state):
        return logs.expand(len(last), 1, -1), state

    search = Search(top_p=1.0, temperature=temperature, max_length=1)
    found = search(step, (), 3, torch.ones(3000, dtype=torch.long))
    drawn = [one.pieces for (one,) in found]
    for pieces in ([1], [2], []):
        assert abs(drawn.count(pieces) / 3000 - 1 / 3) < 0.05


def state_of(sentences):
    return ((torch.arange(sentences) % 6)[:, None, None],)


@pytest.mark.parametrize("spec", SPECS)
def test_found_sequences_have_the_probability_they_say(spec):
    """Cached steps and beams against one run over the whole sequence; one by one as in a batch."""
    encoder, batch, x = example()
    head = head_of(spec, encoder).eval()
    encoding = encoder(x, batch)
    search = Search(beam=3, n_best=2, min_length=1, max_length=5)
    found = head.generate(head(encoding, batch), search)
    bounds = batch.token_ptr.tolist()
    for number, (own, sentence) in enumerate(zip(found, batch.sentences, strict=True)):
        alone = Batch.from_sentences([sentence])
        encoded = encoder(x[bounds[number] : bounds[number + 1]], alone)
        (again,) = head.generate(head(encoded, alone), search)
        assert [one.text for one in again] == [one.text for one in own]
        for one, other in zip(own, again, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-10)
            targets = head.targets([one.text], [sentence])
            if len(targets) == 6:  # it was cut: there is no end
                continue
            logs, alignment = head.log_probabilities(head(encoded, alone), targets)
            total = logs.gather(1, targets[:, None]).sum()
            assert_close(total, torch.tensor(one.log_probability, dtype=torch.float64))
            if alignment is None:
                assert one.alignment is None
            else:
                assert_close(one.alignment, alignment)


def test_unknown_source_words_are_copied():
    encoder, batch, x = example()
    head = head_of("gru(copy=True)", encoder).eval()
    torch.nn.init.constant_(head.output.gate.bias, 50.0)  # nothing is written, the end neither
    found = head.generate(head(encoder(x, batch), batch), Search(max_length=4))
    for sentence, (one,) in zip(batch.sentences, found, strict=True):
        assert len(one.text.split()) == 4
        assert set(one.text.split()) <= set(sentence.tokens)


def test_default_limits_are_of_each_sentence():
    encoder, batch, x = example()
    head = head_of("gru", encoder).eval()
    torch.nn.init.constant_(head.output.scores.bias[head.target.end : head.target.end + 1], -50.0)
    found = head.generate(head(encoder(x, batch), batch))
    lengths = [len(one.text.split()) for (one,) in found]
    assert lengths == [2 * len(sentence) + 10 for sentence in batch.sentences]


@pytest.mark.parametrize("options", [{}, {"beam": 3}, {"top_p": 0.9}])
def test_no_sequence_is_cut_before_its_least_length(options):
    table, state = made_up()
    limits = torch.tensor([4, 3, 2])
    found = Search(min_length=6, **options)(step_of(table), state, 3, limits)
    assert all(len(one.pieces) == 6 for own in found for one in own)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "copy=True" in spec])
def test_words_of_other_sources_are_not_written(spec):
    """A beam with more room than a source has continuations, beside a source with many words."""
    encoder, batch, x = example(sizes=(1, 9))
    head = head_of(spec, encoder).eval()
    search = Search(beam=30, n_best=30, max_length=1)
    found = head.generate(head(encoder(x, batch), batch), search)
    for sentence, own in zip(batch.sentences, found, strict=True):
        copied = len(head.target.copied(sentence.tokens))
        assert len(own) == len(head.target) + copied


def test_options_are_checked():
    for options, message in (
        ({"beam": 0}, "beam must be at least 1"),
        ({"beam": 2, "n_best": 3}, "choose beam=3"),
        ({"length_penalty": -1.0}, "length_penalty must be at least 0"),
        ({"min_length": 5, "max_length": 4}, r"max_length must be at least min_length \(5\)"),
        ({"max_length": 0}, "max_length must be at least 1"),
        ({"max_length": 2.5}, "max_length must be a whole number, but is 2.5"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 0.5, "beam": 2}, "either drawn"),
        ({"seed": 2**64}, r"seed must be below 2\^64"),
        ({"seed": 1.5}, "seed must be a whole number, but is 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            Search(**options)


def test_follow_takes_any_choice():
    table, state = made_up()
    found = follow(
        step_of(table), state, 3, torch.tensor([2, 2, 2]), Search(), lambda logs: logs.argmin(1) * 0
    )
    assert [one.pieces for (one,) in found] == [[0, 0]] * 3


def test_memory_of_tokens_and_of_nodes():
    encoder, batch, x = example()
    memory = Memory.of(encoder(x, batch), batch)
    assert memory.states.shape == (4, 5, encoder.output_dim)
    assert memory.mask.sum(1).tolist() == [3, 5, 1, 2]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_watcher_sees_how_what_was_found_was_found(beam):
    table, state = made_up(pieces=5, seed=1)
    limits = torch.tensor([6, 4, 5])
    search = Search(beam=beam, length_penalty=0.6)
    seen = []
    found = search(step_of(table), state, 4, limits, seen.append)
    assert found == search(step_of(table), state, 4, limits)
    for number, (best,) in enumerate(found):
        going, ended = {0: ([], 0.0)}, []
        for looked in seen:
            following = {}
            for parent, piece, log, kept, over in zip(
                *(part[number].tolist() for part in looked), strict=True
            ):
                if log == -torch.inf:
                    assert (kept, over) == (-1, False)
                    continue
                pieces, before = going[parent]
                last = [4, *pieces][-1]
                first = [number, 4, *pieces][-2]
                assert log == pytest.approx(before + float(table[first, last, piece]))
                if over:
                    assert kept == -1
                    ended.append((log, [*pieces, piece] if piece != 4 else pieces))
                if kept >= 0:
                    following[kept] = ([*pieces, piece], log)
            going = following
        assert (pytest.approx(best.log_probability), best.pieces) in ended


def test_a_watcher_of_drawn_pieces_sees_the_drawn_one():
    table, state = made_up(pieces=8, seed=2)
    seen = []
    found = Search(top_p=1.0, seed=3)(step_of(table), state, 7, torch.full((3,), 5), seen.append)
    for number, (one,) in enumerate(found):
        kept = [look.pieces[number][look.kept[number] == 0].tolist() for look in seen]
        ended = [look.pieces[number][look.ended[number]].tolist() for look in seen]
        chosen = [
            piece for step in zip(kept, ended, strict=True) for part in step for piece in part
        ]
        assert [piece for piece in chosen if piece != 7] == one.pieces
