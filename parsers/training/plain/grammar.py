"""The grammar of the plain sentences: productions with a head and relations.

A production is a row of items ``relation=symbol``; that of the head is ``*=symbol``. A symbol is

- another production;
- a word with its tag of the Penn Treebank, ``the/DT``, and its features where they aren't the usual
  ones, ``who/WP/PronType=Rel``;
- a list of words, ``JJ`` or ``NN.person`` (:mod:`parsers.training.plain.words`);
- a verb in a form, ``V.act:VBG``; finite ones agree, ``V.act:pres@3p``. ``IMP`` is the imperative,
  ``GER`` the form in *-ing* of complements and modifiers, and ``VBNP`` the participle of a passive;
- an auxiliary that agrees: ``be@3p``, ``was@3p``, ``do@3p``, ``did@3p``, ``have@3p``.

``@`` alone is person and number: those of the production's name, or any where the name has none. A
number before a production says how many of it there are, so that it is drawn as much more often.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["GRAMMAR", "KINDS"]

KINDS = {
    "bare plurals": ".",
    "adjuncts": ".",
    "imperatives": ".",
    "subject questions": "?",
    "object questions": "?",
    "adverb questions": "?",
    "yes/no questions": "?",
    "passive and expletive questions": "?",
    "copula questions": "?",
    "copulas": ".",
    "relative clauses": ".",
    "coordination": ".",
    "ditransitives": ".",
    "passives": ".",
    "expletives": ".",
    "control and raising": ".",
    "clausal complements": ".",
    "comparatives": ".",
    "ages and times": ".",
    "names": ".",
    "prepositions": ".",
    "acts as nouns": ".",
    "clause": ".",
}
"""The productions that are sentences, with the mark at their end."""


def _productions(lines: str) -> Iterator[str]:
    """The productions of some lines, each as often as the number before it says."""
    for line in lines.strip().split("\n"):
        number, _, rest = line.strip().partition(" ")
        yield from [rest] * int(number) if number.isdecimal() else [line.strip()]


GRAMMAR: dict[str, tuple[str, ...]] = {
    key: tuple(_productions(lines))
    for key, lines in {
        # Who acts.
        "someone@1s": "*=I/PRP",
        "someone@2": "*=you/PRP",
        "someone@1p": "*=we/PRP",
        "someone@3s": """
            *=he/PRP
            *=she/PRP
            *=NNP.first
            4 *=being.s""",
        "someone@3p": """
            *=they/PRP
            3 *=being.p
            4 *=bare""",
        "bare": """
            2 *=NNS.animal
            *=NNS.person
            amod=JJ *=NNS.animal
            amod=JJ *=NNS.person""",
        "being.s": """
            det=the *=NN.animal
            det=the *=NN.person
            det=determiner.s *=NN.animal
            det=determiner.s *=NN.person
            det=determiner.s amod=JJ *=NN.person
            det=determiner.s amod=JJ *=NN.animal
            nmod:poss=my *=NN.person
            nmod:poss=my *=NN.animal
            nmod:poss=owner *=NN.person
            nmod:poss=owner *=NN.animal""",
        "being.p": """
            det=determiner.p *=NNS.animal
            det=determiner.p *=NNS.person
            det=determiner.p amod=JJ *=NNS.person
            det=these/DT nummod=CD *=NNS.animal
            nummod=CD *=NNS.person
            nmod:poss=my *=NNS.animal
            nmod:poss=owner *=NNS.person""",
        "owner": """
            *=NNP.first case='s/POS
            nmod:poss=my *=NN.person case='s/POS
            det=the *=NN.person case='s/POS
            det=the *=NN.animal case='s/POS""",
        "the": "*=the/DT",
        "determiner.s": """
            *=the
            *=a/DT
            *=this/DT
            *=that/DT
            *=every/DT""",
        "determiner.p": """
            2 *=the
            *=these/DT
            *=those/DT
            *=some/DT
            *=all/DT""",
        "my": """
            *=my/PRP$
            *=your/PRP$
            *=his/PRP$
            *=her/PRP$
            *=our/PRP$
            *=their/PRP$""",
        # What is acted on.
        "whom": """
            *=me/PRP
            *=him/PRP
            *=her/PRP
            *=us/PRP
            *=them/PRP
            *=NNP.first
            2 *=being.s
            *=being.p
            *=bare""",
        "what": """
            *=it/PRP
            3 *=thing.s
            *=NNS.thing""",
        "thing.s": """
            det=determiner.s *=NN.thing
            det=the *=NN.thing
            det=determiner.s amod=JJ *=NN.thing
            nmod:poss=my *=NN.thing
            nmod:poss=owner *=NN.thing""",
        "thing.p": """
            2 *=NNS.thing
            det=determiner.p *=NNS.thing
            det=determiner.p amod=JJ *=NNS.thing
            nummod=CD *=NNS.thing
            nmod:poss=owner *=NNS.thing""",
        "thing@3s": """
            *=thing.s
            det=the *=NN.place
            det=determiner.s *=NN.act
            nmod:poss=my *=NN.act
            nmod:poss=my *=NN.food
            det=the compound=NN.food *=NN.place
            det=the compound=NN.animal *=NN.food
            det=the compound=NN.act *=NN.thing
            det=the compound=NN.place *=NN.thing""",
        "thing@3p": """
            *=thing.p
            *=NNS.place
            det=the *=NNS.act
            compound=NN.animal *=NNS.thing
            det=the compound=NN.food *=NNS.place""",
        "food": """
            2 *=NN.stuff
            *=NNS.food
            det=a/DT *=NN.food
            det=the *=NN.food
            det=the *=NN.stuff
            nummod=CD *=NNS.food
            det=some/DT *=NN.stuff
            compound=NN.animal *=NN.stuff""",
        # Where, when and how.
        "place": """
            2 case=IN.at det=the *=NN.place
            case=IN.at nmod:poss=my *=NN.place
            case=in/IN *=NNP.town
            case=with/IN nmod:poss=my *=NN.person
            case=with/IN *=PRP.object""",
        "PRP.object": """
            *=me/PRP
            *=him/PRP
            *=us/PRP
            *=them/PRP""",
        "time": """
            case=at/IN *=CD
            case=in/IN *=NNP.month
            case=on/IN *=NNP.weekday
            case=in/IN *=CD.year
            case=in/IN det=the *=NN.time
            case=at/IN *=night/NN
            case=before/IN *=lunch/NN
            case=after/IN *=dinner/NN
            case=for/IN nummod=CD *=NNS.time""",
        "then": """
            det=every/DT *=NN.time
            amod=last/JJ *=NN.time
            amod=next/JJ *=NN.time
            det=this/DT *=NN.time
            *=today/NN
            *=yesterday/NN
            *=tomorrow/NN""",
        "where_from": """
            case=IN.of det=the *=NN.place
            case=with/IN det=a/DT amod=JJ *=NN.thing
            case=with/IN det=the *=NNS.thing""",
        # Verb phrases, finite and not.
        "does@": """
            2 *=acts@
            *=acts@ advmod=RB.manner
            *=acts@ advmod=RB.where
            *=acts@ obl=place
            *=acts@ obl=time
            *=acts@ obl:unmarked=then
            advmod=RB.often *=V.act:pres@
            advmod=RB.often *=V.act:past@
            2 *=uses@
            *=uses@ obl=time
            advmod=RB.often *=uses@
            *=is@
            aux=MD advmod=not *=V.act:VB
            aux=MD advmod=not *=act.VB
            aux=do@ advmod=not *=act.VB
            aux=did@ advmod=not *=act.VB
            *=is.doing@
            aux=have@ *=V.act:VBN
            aux=have@ *=V.meet:VBN obj=whom""",
        "acts@": """
            2 *=V.act:pres@
            *=V.act:past@
            aux=be@ *=V.act:VBG
            aux=MD *=V.act:VB""",
        "uses@": """
            *=V.use:pres@ obj=what
            *=V.use:past@ obj=what
            *=V.meet:pres@ obj=whom
            *=V.meet:past@ obj=whom
            *=V.eat:pres@ obj=food
            *=V.eat:past@ obj=food""",
        "is@": """
            cop=be@ *=JJ
            cop=was@ *=JJ
            cop=be@ advmod=RB.degree *=JJ
            cop=be@ advmod=not *=JJ
            cop=be@ case=IN.at det=the *=NN.place
            *=V.become:past@ xcomp=JJ
            *=V.become:pres@ xcomp=JJ""",
        "is.doing@": """
            aux=be@ *=V.use:VBG obj=what
            aux=was@ *=V.act:VBG obl=place""",
        "not": """
            *=not/RB
            *=n't/RB""",
        "act.VB": """
            2 *=V.act:VB
            *=V.act:VB advmod=RB.manner
            *=V.act:VB obl=place
            *=V.use:VB obj=what
            *=V.meet:VB obj=whom
            *=V.eat:VB obj=food""",
        "to.act": "mark=to/TO *=act.VB",
        "happens@": """
            2 *=V.happen:pres@
            *=V.happen:past@
            *=V.happen:past@ advmod=RB.manner
            *=V.happen:past@ obl:unmarked=then
            *=V.happen:past@ obl=time
            aux=be@ *=V.happen:VBG
            aux=MD *=V.happen:VB
            aux=do@ advmod=not *=V.happen:VB
            cop=be@ *=JJ
            cop=was@ advmod=RB.degree *=JJ""",
        # Clauses.
        "clause": """
            2 nsubj=someone@ *=does@
            nsubj=thing@3s *=happens@3s
            nsubj=thing@3p *=happens@3p""",
        "bare plurals": """
            nsubj=bare *=acts@3p
            nsubj=bare *=V.act:pres@3p
            nsubj=bare *=V.act:pres@3p advmod=RB.manner
            nsubj=bare *=V.act:pres@3p advmod=RB.where
            nsubj=bare *=V.act:pres@3p obl=place
            nsubj=NNS.thing *=V.happen:pres@3p
            nsubj=NNS.food *=V.happen:pres@3p
            nsubj=bare *=V.meet:pres@3p obj=NNS.animal
            nsubj=bare *=V.meet:pres@3p obj=NNS.person
            nsubj=bare *=V.eat:pres@3p obj=NN.stuff
            nsubj=bare cop=be@3p *=JJ""",
        "adjuncts": """
            advmod=then.comma nsubj=someone@ *=acts@
            obl=time.comma nsubj=someone@ *=uses@
            obl=place.comma nsubj=someone@ *=acts@
            nsubj=someone@ *=does@ advcl=because
            nsubj=thing@3s *=happens@3s advcl=because""",
        "then.comma": "*=RB.fronted punct=,/,",
        "time.comma": "*=time punct=,/,",
        "place.comma": "*=place punct=,/,",
        "because": """
            mark=IN.because nsubj=someone@ *=acts@
            mark=IN.because nsubj=someone@ *=is@
            mark=IN.because nsubj=thing@3s *=happens@3s""",
        "imperatives": """
            *=V.act:IMP advmod=RB.where
            *=V.act:IMP obl=place
            *=V.use:IMP obj=what
            *=V.meet:IMP obj=whom
            *=V.eat:IMP obj=food
            *=V.use:IMP obj=what obl:unmarked=then
            discourse=please/UH *=V.act:IMP
            discourse=please/UH *=V.use:IMP obj=thing.s
            *=V.give:IMP iobj=whom obj=thing.s
            aux=do/IMP advmod=not *=V.act:VB
            aux=do/IMP advmod=not *=V.use:VB obj=what
            cop=be/IMP *=JJ
            *=V.let:IMP obj=whom xcomp=V.act:VB""",
        "subject questions": """
            nsubj=who/WP *=does@3s
            nsubj=what/WP *=V.happen:past@3s
            nsubj=what/WP *=V.happen:pres@3s
            nsubj=which.s *=does@3s
            nsubj=which.p *=does@3p
            nsubj=how.many *=does@3p
            nsubj=who/WP *=V.use:past@3s obj=thing.s""",
        "which.s": """
            det=which/WDT *=NN.person
            det=which/WDT *=NN.animal
            det=what/WDT *=NN.person""",
        "which.p": """
            det=which/WDT *=NNS.person
            det=which/WDT *=NNS.animal""",
        "how.many": """
            amod=many *=NNS.person
            amod=many *=NNS.animal""",
        "many": "advmod=how/WRB *=many/JJ",
        "object questions": """
            obj=what/WP aux=do@ nsubj=someone@ *=V.use:VB
            obj=what/WP aux=did@ nsubj=someone@ *=V.use:VB
            obj=what/WP aux=did@ nsubj=someone@ *=V.eat:VB
            obj=who/WP aux=did@ nsubj=someone@ *=V.meet:VB
            obj=who/WP aux=do@ nsubj=someone@ *=V.meet:VB
            obj=whom/WP aux=MD nsubj=someone@ *=V.meet:VB
            obj=what/WP aux=be@ nsubj=someone@ *=V.use:VBG
            obj=what/WP aux=MD nsubj=someone@ *=V.eat:VB
            obj=which.thing aux=did@ nsubj=someone@ *=V.use:VB
            obj=which.thing aux=do@ nsubj=someone@ *=V.use:VB
            obj=which.p aux=do@ nsubj=someone@ *=V.meet:VB""",
        "which.thing": """
            det=which/WDT *=NN.thing
            det=what/WDT *=NN.thing
            det=which/WDT *=NNS.thing
            amod=many *=NNS.thing""",
        "adverb questions": """
            advmod=WRB aux=do@ nsubj=someone@ *=act.VB
            advmod=WRB aux=did@ nsubj=someone@ *=act.VB
            advmod=WRB aux=did@ nsubj=someone@ *=V.act:VB
            advmod=WRB aux=did@3s nsubj=thing@3s *=V.happen:VB
            advmod=WRB aux=be@ nsubj=someone@ *=V.act:VBG
            advmod=WRB aux=MD nsubj=someone@ *=act.VB""",
        "WRB": """
            *=where/WRB
            *=when/WRB
            *=why/WRB
            *=how/WRB""",
        "yes/no questions": """
            aux=do@ nsubj=someone@ *=act.VB
            aux=do@ nsubj=someone@ *=V.act:VB
            aux=do@3p nsubj=bare *=act.VB
            aux=did@ nsubj=someone@ *=act.VB
            aux=did@ nsubj=someone@ *=V.act:VB
            aux=did@3s nsubj=thing@3s *=V.happen:VB
            aux=be@ nsubj=someone@ *=V.act:VBG
            aux=was@ nsubj=someone@ *=V.act:VBG
            aux=be@3s nsubj=thing@3s *=V.happen:VBG
            aux=MD nsubj=someone@ *=act.VB
            aux=have@ nsubj=someone@ *=V.use:VBN obj=what
            aux=have@3s nsubj=thing@3s *=V.happen:VBN
            cop=be@ nsubj=someone@ *=JJ
            cop=was@3s nsubj=thing@3s *=JJ
            aux=did@ nsubj=someone@ *=V.give:VB iobj=whom obj=thing.s
            aux=do@ nsubj=someone@ *=V.want:VB xcomp=to.act
            aux=do@ nsubj=someone@ *=V.think:VB ccomp=clause""",
        "passive and expletive questions": """
            aux:pass=was@3s nsubj:pass=thing@3s *=V.use:VBNP
            aux:pass=be@3p nsubj:pass=thing@3p *=V.use:VBNP advmod=RB.where
            aux:pass=was@ nsubj:pass=someone@ *=V.meet:VBNP
            aux:pass=was@ nsubj:pass=someone@ *=V.meet:VBNP obl:agent=by.someone
            *=be@3s expl=there/EX nsubj=a.thing
            *=was@3s expl=there/EX nsubj=a.thing
            *=be@3p expl=there/EX nsubj=some.things""",
        "copula questions": """
            *=where/WRB cop=be@ nsubj=someone@
            *=where/WRB cop=be@3s nsubj=thing@3s
            *=where/WRB cop=was@3p nsubj=thing@3p
            *=who/WP cop=be@3s nsubj=being.s
            *=what/WP cop=be@3s nsubj=thing.s
            nmod:poss=whose/WP$ *=NN.thing cop=be@3s nsubj=this/DT
            *=how.old cop=be@ nsubj=someone@
            *=what/WP cop=be@3s nsubj=this/DT""",
        "how.old": "advmod=how/WRB *=JJ",
        "copulas": """
            nsubj=someone@ *=is@
            nsubj=thing@3s cop=be@3s *=JJ
            nsubj=thing@3p cop=be@3p advmod=RB.degree *=JJ
            nsubj=thing@3s cop=be@3s *=place
            nsubj=someone@3s cop=be@3s det=a/DT *=NN.person
            nsubj=someone@3s cop=be@3s det=a/DT amod=JJ *=NN.person
            nsubj=someone@3p cop=be@3p *=NNS.person
            nsubj=someone@3s cop=be@3s nmod:poss=my *=NN.person
            nsubj=this/DT cop=be@3s nmod:poss=my *=NN.thing
            nsubj=it/PRP cop=was@3s det=a/DT amod=JJ *=NN.time""",
        "relative clauses": """
            nsubj=related.s *=V.act:pres@3s
            nsubj=related.s *=V.act:past@3s
            nsubj=related.s *=does@3s
            nsubj=related.s *=is@3s
            2 nsubj=related.p *=V.act:pres@3p
            nsubj=related.p *=V.act:past@3p
            nsubj=related.p *=does@3p
            nsubj=related.thing *=happens@3s
            nsubj=related.thing *=V.happen:past@3s
            nsubj=related.things *=happens@3p
            nsubj=related.things *=V.happen:pres@3p
            nsubj=someone@ *=V.meet:past@ obj=related.s
            nsubj=someone@ *=V.meet:pres@ obj=related.p
            nsubj=someone@ *=V.use:past@ obj=related.thing
            cop=be@3s nsubj=related.s *=JJ
            aux=do@3p nsubj=related.p *=V.act:VB""",
        "related.s": """
            *=being.s acl:relcl=who@3s
            2 *=being.s acl:relcl=whom.met
            *=being.s acl=doing""",
        "related.p": """
            *=being.p acl:relcl=who@3p
            2 *=being.p acl:relcl=whom.met
            *=being.p acl=doing""",
        "related.thing": """
            2 *=thing.s acl:relcl=that.used
            *=thing.s acl:relcl=that.happened
            *=thing.s acl=used
            det=the *=NN.place acl:relcl=where""",
        "related.things": """
            *=thing.p acl:relcl=that.used
            det=the *=NNS.thing acl:relcl=that.used
            det=the *=NNS.thing acl:relcl=that.happened
            det=the *=NNS.thing acl=used""",
        "who@": """
            nsubj=REL.who *=acts@
            nsubj=REL.who *=acts@ obl=place
            nsubj=REL.who *=uses@
            nsubj=REL.who *=is@""",
        "REL.who": """
            *=who/WP/PronType=Rel
            *=that/WDT""",
        "REL.whom": """
            *=whom/WP/PronType=Rel
            2 *=that/WDT
            *=who/WP/PronType=Rel""",
        "whom.met": """
            obj=REL.whom nsubj=someone@ *=V.meet:past@
            obj=REL.whom nsubj=being.s *=V.meet:past@3s
            obj=REL.whom nsubj=someone@ *=V.meet:pres@
            nsubj=someone@ *=V.meet:past@
            nsubj=being.s *=V.meet:past@3s""",
        "that.used": """
            obj=that/WDT nsubj=someone@ *=V.use:past@
            obj=that/WDT nsubj=being.s *=V.use:past@3s
            nsubj=someone@ *=V.use:past@
            nsubj=being.s *=V.use:past@3s
            nsubj=someone@ *=V.use:pres@""",
        "that.happened": """
            nsubj=that/WDT *=V.happen:past@3s
            nsubj=that/WDT *=V.happen:past@3s obl=time""",
        "where": """
            advmod=where/WRB/PronType=Rel nsubj=someone@ *=V.act:pres@
            advmod=where/WRB/PronType=Rel nsubj=someone@ *=V.act:past@""",
        "doing": """
            *=V.act:GER obl=place
            *=V.act:GER advmod=RB.where
            *=V.use:GER obj=thing.s""",
        "used": """
            *=V.use:VBNP obl:agent=by.someone
            *=V.use:VBNP obl=place
            *=V.use:VBNP obl:unmarked=then""",
        "coordination": """
            nsubj=bare.and.bare *=acts@3p
            nsubj=bare.and.bare *=V.act:pres@3p
            nsubj=ann.and.bob *=does@3p
            nsubj=the.and.the *=acts@3p
            2 nsubj=someone@ *=V.act:pres@ conj=and.acts@
            nsubj=someone@ *=V.act:past@ conj=and.acted@
            nsubj=someone@ *=V.use:past@ obj=what conj=and.acted@
            nsubj=someone@ cop=be@ *=JJ conj=and.JJ
            nsubj=thing@3s cop=was@3s *=JJ conj=and.JJ
            nsubj=someone@ *=V.eat:pres@ obj=food.list
            nsubj=someone@ *=V.use:past@ obj=thing.and
            *=clause conj=and.clause""",
        "bare.and.bare": "*=NNS.animal conj=and.bare",
        "and.bare": """
            cc=and/CC *=NNS.animal
            cc=or/CC *=NNS.person""",
        "ann.and.bob": "*=NNP.first conj=and.bob",
        "and.bob": "cc=and/CC *=NNP.first",
        "the.and.the": "*=being.s conj=and.the",
        "and.the": "cc=and/CC *=being.s",
        "and.acts@": """
            cc=and/CC *=V.act:pres@
            cc=but/CC aux=do@ advmod=not *=V.act:VB
            cc=or/CC *=V.act:pres@""",
        "and.acted@": """
            cc=and/CC *=V.act:past@
            cc=and/CC *=V.meet:past@ obj=whom
            cc=but/CC aux=did@ advmod=not *=V.act:VB""",
        "and.JJ": """
            cc=and/CC *=JJ
            cc=but/CC *=JJ""",
        "food.list": "*=NN.stuff conj=comma.food conj=and.food",
        "comma.food": "punct=,/, *=NN.stuff",
        "and.food": "cc=and/CC *=NN.stuff",
        "thing.and": "*=thing.s conj=and.thing",
        "and.thing": "cc=and/CC *=thing.s",
        "and.clause": """
            punct=,/, cc=and/CC *=clause
            punct=,/, cc=but/CC *=clause
            cc=and/CC *=clause""",
        "ditransitives": """
            nsubj=someone@ *=V.give:past@ iobj=whom obj=thing.s
            nsubj=someone@ *=V.give:pres@ iobj=whom obj=thing.s
            nsubj=someone@ *=V.give:past@ iobj=being.s obj=thing.p
            nsubj=someone@ *=V.give:past@ obj=thing.s obl=to.whom
            nsubj=someone@ aux=MD *=V.give:VB iobj=whom obj=thing.s
            *=V.give:IMP iobj=being.s obj=thing.s""",
        "to.whom": """
            case=to/IN *=being.s
            case=to/IN *=NNP.first
            case=to/IN *=them/PRP""",
        "passives": """
            nsubj:pass=thing@3s aux:pass=was@3s *=V.use:VBNP
            nsubj:pass=thing@3s aux:pass=was@3s *=V.use:VBNP obl:agent=by.someone
            nsubj:pass=thing@3p aux:pass=was@3p *=V.use:VBNP obl=time
            nsubj:pass=thing@3p aux:pass=be@3p *=V.use:VBNP advmod=RB.where
            nsubj:pass=someone@ aux:pass=was@ *=V.meet:VBNP obl:agent=by.someone
            nsubj:pass=someone@ aux:pass=be@ *=V.meet:VBNP
            nsubj:pass=someone@ aux=be@ aux:pass=being/VBG *=V.meet:VBNP
            nsubj:pass=someone@ aux=have@ aux:pass=been/VBN *=V.meet:VBNP
            nsubj:pass=thing@3s aux=MD aux:pass=be/VB *=V.use:VBNP
            nsubj:pass=thing@3s aux=MD aux:pass=be/VB *=V.use:VBNP obl:unmarked=then
            nsubj:pass=thing@3s aux:pass=was@3s advmod=not *=V.use:VBNP""",
        "by.someone": """
            case=by/IN *=being.s
            case=by/IN *=bare
            case=by/IN *=NNP.first""",
        "expletives": """
            expl=there/EX *=be@3s nsubj=a.thing
            expl=there/EX *=was@3s nsubj=a.thing
            expl=there/EX *=be@3p nsubj=some.things
            expl=there/EX *=was@3p nsubj=some.things
            expl=it/PRP *=V.seem:pres@3s ccomp=that.clause
            expl=it/PRP cop=be@3s *=JJ.hard csubj=to.act
            expl=it/PRP cop=was@3s *=JJ.hard csubj=to.act
            expl=it/PRP cop=be@3s *=JJ.hard csubj=that.clause""",
        "a.thing": """
            det=a/DT *=NN.thing
            det=no/DT *=NN.thing
            det=a/DT *=NN.animal
            det=no/DT *=NN.act
            det=a/DT amod=JJ *=NN.person""",
        "some.things": """
            nummod=CD *=NNS.thing
            det=no/DT *=NNS.thing
            det=some/DT *=NNS.animal
            amod=many/JJ *=NNS.person""",
        "control and raising": """
            nsubj=someone@ *=V.want:pres@ xcomp=to.act
            nsubj=someone@ *=V.want:past@ xcomp=to.act
            nsubj=someone@ *=V.want:pres@ xcomp=to.act
            nsubj=someone@ *=V.seem:pres@ xcomp=to.act
            nsubj=someone@ *=V.begin:past@ xcomp=V.act:GER
            nsubj=someone@ *=V.begin:pres@ xcomp=V.act:GER
            nsubj=someone@ *=V.persuade:past@ obj=whom xcomp=to.act
            nsubj=someone@ *=V.persuade:past@ obj=being.s xcomp=to.act
            nsubj=someone@ *=V.let:past@ obj=whom xcomp=act.VB
            nsubj=someone@ *=V.let:pres@ obj=whom xcomp=V.act:VB
            nsubj=thing@3s *=V.become:pres@3s xcomp=JJ""",
        "clausal complements": """
            nsubj=someone@ *=V.think:pres@ ccomp=that.clause
            nsubj=someone@ *=V.think:past@ ccomp=that.clause
            nsubj=someone@ *=V.think:pres@ ccomp=clause
            nsubj=someone@ *=V.think:past@ ccomp=clause
            nsubj=someone@ *=V.wonder:pres@ ccomp=if.clause
            nsubj=someone@ *=V.wonder:past@ ccomp=if.clause""",
        "that.clause": "mark=that/IN *=clause",
        "if.clause": """
            mark=if/IN *=clause
            mark=whether/IN *=clause""",
        "comparatives": """
            nsubj=someone@ cop=be@ *=JJR obl=than
            nsubj=someone@ cop=was@ *=JJR obl=than
            nsubj=thing@3s cop=be@3s *=JJR obl=than.thing
            nsubj=someone@ *=V.act:pres@ advmod=faster
            nsubj=someone@ *=V.act:past@ advmod=faster
            nsubj=someone@ cop=be@ advmod=as/RB *=JJ obl=as
            nsubj=someone@ cop=be@ advmod=more/RBR *=JJ.long obl=than""",
        "than": """
            case=than/IN *=being.s
            case=than/IN *=PRP.object
            case=than/IN *=NNP.first
            case=than/IN *=NNS.person""",
        "than.thing": """
            case=than/IN *=thing.s
            case=than/IN det=that/DT *=one/NN""",
        "faster": "*=RBR obl=than",
        "as": """
            case=as/IN *=being.s
            case=as/IN *=NNS.animal
            case=as/IN *=NNP.first""",
        "ages and times": """
            nsubj=someone@ cop=be@ obl:unmarked=years *=old/JJ
            nsubj=someone@ *=V.act:pres@ obl=time
            nsubj=thing@3s *=V.happen:past@3s obl=time
            nsubj=thing@3s *=V.happen:pres@3s obl=time
            nsubj=someone@ *=V.act:pres@ obl:unmarked=then
            nsubj=someone@ *=V.eat:past@ obj=food obl:unmarked=then
            nsubj=someone@ *=V.use:past@ obj=thing.p obl=time""",
        "years": "nummod=CD *=years/NNS",
        "names": """
            nsubj=NNP.first *=does@3s
            nsubj=full.name *=does@3s
            nsubj=mister *=does@3s
            nsubj=full.name *=V.act:pres@3s obl=in.town
            nsubj=NNP.first *=V.meet:pres@3s obj=NNP.first
            nsubj=someone@ *=V.meet:past@ obj=mister
            nsubj=someone@ *=V.meet:past@ obj=full.name obl=in.town
            nsubj=ann.and.bob *=V.meet:past@3p obj=whom""",
        "full.name": "*=NNP.first flat=NNP.last",
        "mister": """
            nmod:desc=Mr./NNP *=NNP.last
            nmod:desc=Mrs./NNP *=NNP.last
            nmod:desc=Dr./NNP *=NNP.last""",
        "in.town": "case=in/IN *=NNP.town",
        "prepositions": """
            nsubj=being.with *=does@3s
            nsubj=being.with *=V.act:past@3s
            nsubj=part *=V.happen:past@3s
            nsubj=part *=V.happen:pres@3s
            nsubj=part cop=be@3s *=JJ
            nsubj=someone@ *=V.talk:pres@ obl=about
            nsubj=someone@ *=V.talk:past@ obl=about
            nsubj=someone@ *=V.act:past@ obl=place obl=time""",
        "being.with": """
            *=being.s nmod=where_from
            det=the *=NN.person nmod=where_from""",
        "part": "det=the *=NN.thing nmod=of.thing",
        "of.thing": "case=of/IN det=the *=NN.place",
        "about": """
            case=about/IN *=NNS.thing
            case=about/IN *=NN.stuff
            case=about/IN *=thing.s
            case=about/IN *=being.s""",
        "acts as nouns": """
            nsubj=thing@3s *=happens@3s
            nsubj=the.act *=V.happen:past@3s
            nsubj=the.act cop=was@3s *=JJ
            nsubj=someone@ *=V.meet:past@ obj=the.act
            nsubj=someone@ *=V.use:past@ obj=the.act
            nsubj=someone@ *=V.use:pres@ obj=NNS.act
            nsubj=the.compound *=V.happen:past@3s
            nsubj=the.compound cop=be@3s *=JJ
            nsubj=someone@ *=V.use:past@ obj=the.compound""",
        "the.act": """
            det=the *=NN.act
            det=a/DT *=NN.act
            det=a/DT amod=JJ *=NN.act
            nmod:poss=my *=NN.act
            nmod:poss=owner *=NN.act""",
        "the.compound": """
            det=the compound=NN.animal *=NN.act
            det=a/DT compound=NN.food *=NN.thing
            det=the compound=NN.place *=NN.thing
            nmod:poss=my compound=NN.act *=NN.place
            det=the compound=NN.act *=NN.thing""",
    }.items()
}
