"""The structure test: four sentences at a time with the same words, two of which get *yes*.

Ten phenomena, each with one question, whose answer is the label:

================= ========================================== =======================================
phenomenon        the question                               *yes*
================= ========================================== =======================================
agreement         Do the verbs agree with their subjects?    every boy that these girls are warning
                                                             is smiling
roles             Is it the child who does it to the other?  the guest that the child had warned
                                                             waited because the king had been met by
                                                             the queen
negation          Is it the child of whom it is denied?      the child whose guest had coughed had
                                                             not waited
attachment        Is it the *old* one who does it *quietly*? the guest that the old king had warned
                                                             quietly had waited
coordination      Is it the child who does it *quietly*?     the guest whose child coughed and
                                                             waited quietly left
control           Is it the child who is to act first?       the child that the guest had forced to
                                                             help waited while the king had refused
                                                             to draw the queen
ellipsis          Is it the child who did it as you did?     the guest whose child coughed just as
                                                             you did waited
comparison        Is it the child who is compared with you?  the child whose guest coughed waited
                                                             more often than you did
adjuncts          Is it the child who does it *quietly*?     the child asked the guest to wait after
                                                             coughing quietly
relative pronouns Is it the child who does it to somebody?   the child whose guest the king had
                                                             warned was the one that had met the
                                                             queen
================= ========================================== =======================================

**How sentences are made.** In each there are two participants. One is marked: it is *the child*, the
*old* one, singular. Something is said of each, and what is said of one of them is marked too: it is
negated, compared, done *quietly*. The answer is *yes* where both marks belong together. A template gives
four sentences, a *foursome*: either participant can have the one mark, and either can be the one of whom
the other mark is said. All four have the same words; two are *yes*, two are *no*.

**What can't solve it.** A bag of words is right on exactly half. In each foursome, every sequence of up
to three words, adjacent or not, and every word at its place, from the beginning or from the end, occurs
as often in *yes* as in *no* sentences: so a sum over such features gives both the same, and is right by
chance alone. This holds in train too. Features of four words and more, and products of features, are not
barred: a network can learn the order of words in the sentences of train.

**What the splits share.** Nouns and verbs of train, dev and test are disjoint, but for the few that
carry answers; all other words of dev and test occur in train. Train, dev and test have three disjoint
sets of templates. Test has three splits of equal size, in the column ``split``:

- ``new words``: the templates of train with words of test;
- ``new templates``: frames that train lacks with this phenomenon, with modifiers and surroundings that
  it lacks altogether, such as another clause behind the sentence;
- ``deeper``: the frames of train, with modifiers of modifiers and within two *that*-clauses.

**What gold trees allow.** With the dependencies that come with the data (``--structure given``):

==================================== ===============================================================
a bag                                50 %
a sequence                           100 %; it must find the structure by itself
a tree or graph whose nodes see      100 %, but 75 % of relative pronouns (subject and object of a
neither order nor relations          verb look the same, unless they are *who* and *whom*), and of
                                     adjuncts 50 to 87.5 % (only what modifies the participants tells
                                     them apart): 92.5 to 96.2 % of all
a tree with relations or ordered     100 %
children, a graph with relations
==================================== ===============================================================

**What it doesn't show.** The language is small and regular, its sentences are longer and more deeply
nested than most, and a parser that errs takes the answer away. Numbers on this test rank models on this
test.
"""

from tasks.data.structure_test.generate import generate as generate
from tasks.data.structure_test.templates import PHENOMENA as PHENOMENA

__all__ = ["PHENOMENA", "generate"]
