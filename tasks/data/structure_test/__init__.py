"""The structure test: sentences with the same words and different answers.

Eight phenomena, each with one question, whose answer, *yes* or *no*, is the label:

============ ============================================ ==========================================
phenomenon   the question                                 yes / no
============ ============================================ ==========================================
agreement    Do the verbs agree with their subjects?      this boy that these girls have met is calm
                                                          / these girls that this boy have met is ...
roles        Is it the child who does it *often*?         the guest that the child had often helped /
                                                          the child that the guest had often helped
negation     Is it the child of whom it is denied?        the child near whom the guest was calm was
                                                          not late / the guest near whom the child ...
attachment   Is it the *old* one who does it *quietly*?   the old guest whose king had cried had left
                                                          quietly / the guest whose old king ...
coordination Is it the child who does it *quietly*?       the child whose guest ate slept quietly and
                                                          left / the child whose guest ate and slept
                                                          quietly left
control      Is it the child who is to act first?         the child that the guest persuaded to go
                                                          promised the king to stay / ... promised to
                                                          go persuaded the king to stay
adjuncts     Is it the child who does it *quietly*?       the child asked the guest after waiting
                                                          quietly to leave / ... to leave quietly
comparison   Is it the child who is compared with you?    the child asked the guest after calling more
                                                          often than you did to leave / ... after
                                                          calling to leave more often than you did
============ ============================================ ==========================================

**How sentences are made.** A template has two participants, X and Y, and something that is said of
each. One participant is marked (it is *the child*, the *old* one, singular), and so is what is said of
one of them (it is negated, compared, done *quietly*). The answer is *yes* if the mark of what is said
belongs to the marked participant. Four sentences with the same words follow from a template, a
*foursome*: either participant can be the marked one, and either thing said. Sentences that differ in
the participants alone are a *pair*: they have opposite labels.

**What cannot solve it.** A model of a bag of words is right on exactly one sentence of each pair. And X
and Y always stand before all words that move between what is said of the two, two words at least
standing between, so that the order of up to three words, adjacent or not, and their places in the
sentence tell either who is marked or what is: the answer depends on both, as an exclusive or does. In
each foursome of dev and test every such feature stands in as many *yes* as *no* sentences, and a sum
over them is right by accident alone. That is so for words as they are and holds by construction;
features of more than three words, of words within a window, or of products of features are not barred.

**What the splits share.** Nouns, verbs and adjectives of train, dev and test are disjoint, except the
few that carry answers (*child*, *promised*, *persuaded* ...); all other words of dev and test occur in
train. There are three disjoint sets of templates, of different constructions, for train, dev and test.
Test has three parts, of equal size, told apart by the column ``split``:

- *new words*: train's templates with test's words;
- *new templates*: constructions that train has with other phenomena, but not with this one;
- *deeper*: train's constructions, with participants that are modified more deeply and clauses that are
  embedded twice.

**What train lacks.** One foursome in three is whole in train; of the others, the pair is left out in
which the moving words belong to Y. So the order of X and Y says something in train, as usage does in a
language, and nothing in dev and test. Without this most models learn nothing for many epochs, as with
any exclusive or.

**What gold trees allow.** With the trees that come with the data, at best:

==================================== ===============================================================
a bag                                50 % throughout
a sequence                           100 %; the nesting must be learned
a tree or graph whose nodes see      100 %, but 50 % of adjuncts and of comparison: there X and Y are
neither order nor relations          subject and object of one verb, and nothing else tells them apart
a tree with ordered children or      100 %
relations, a graph with relations
==================================== ===============================================================

A graph network needs as many layers as there are edges between the two marks and the node that joins
them: two.

**What it doesn't show.** The language is small and regular, and its sentences are longer and more
deeply nested than most. Numbers on this test rank models on this test.
"""

from tasks.data.structure_test.generate import generate as generate
from tasks.data.structure_test.phenomena import PHENOMENA as PHENOMENA

__all__ = ["PHENOMENA", "generate"]
