"""The words of the grammar of plain sentences, with their inflections.

Most of them occur in UD English EWT. Many are noun and verb (*bark*, *play*, *watch*, *walk*) and stand
in lists of nouns and of verbs, so that what is around them decides.
"""

from __future__ import annotations

__all__ = ["NOUNS", "OTHERS", "VERBS", "inflections", "plural"]

NOUNS = {
    name: tuple(words.split())
    for name, words in {
        "person": """
            actor artist aunt baker boss boy buyer child coach cook cousin customer dancer
            daughter dentist doctor driver expert father friend girl guard guest guide hunter
            judge king lawyer leader man manager mayor mother musician neighbor nurse owner
            painter patient pilot player policeman reporter sailor scientist singer sister
            soldier son student teacher tourist uncle visitor waiter winner woman worker writer""",
        "animal": """
            bat bear bee bird bug bull cat chicken cow crow dog duck elephant fish fly fox frog
            goat hawk horse kitten lion monkey mouse parrot pig pigeon puppy rabbit rat seal
            shark sheep snake spider swallow tiger turtle whale wolf""",
        "thing": """
            bag ball bank bed bike boat bottle box bus camera candle car card chair clock coat
            computer cup desk door drawing engine flag flower gift glass guitar hat key knife
            lamp letter light machine map mirror newspaper note painting paper park pen phone
            picture plane plant plate poem radio ring rock rope ship shoe sign stamp stone story
            table ticket toy train tree truck wall watch wheel window""",
        "food": "apple cake egg fruit meal onion pie salad sandwich steak",
        "stuff": "bread cheese coffee dinner lunch meat milk rice soup tea water wine",
        "place": """
            airport bridge church city corner cottage farm field forest garden gate hall hill
            hospital hotel house island kitchen lake library market mountain museum office river
            road roof room school shop station store street town valley village""",
        "act": """
            answer attack bark call change cook cry dance drink drive fall fight guess hope hunt
            jump kick laugh laughter leak look love march meeting party plan play race report
            rest ride rise run search shout show sleep smile smell stop strike swim talk test
            touch trade trip visit wait walk war watch work""",
        "time": "day evening hour month morning night summer week weekend winter year",
    }.items()
}
"""Nouns by what they name."""

VERBS = {
    name: tuple(words.split())
    for name, words in {
        "act": """
            arrive bark come complain cook cough cry dance disappear drink drive eat escape
            exercise fight fish fly go growl guess hide hunt joke jump kneel laugh leave lie
            listen march meow move nod paint panic play pray race read relax rest return ride
            run sail scream shout sing sit sleep smile smoke snore speak stand stare stop
            struggle study swallow swim talk travel vote wait wake walk wander watch wave
            whisper win work worry yell""",
        "happen": """
            begin break burn change close collapse crash disappear drop end explode fall float
            freeze grow improve last leak matter melt move open rise roll rot shake shine sink
            sell smell spread start stink stop vanish work""",
        "use": """
            admire bring build burn buy carry choose clean close cover draw drop fill find fix
            guard hate hide hold kick know like lose love move need open own paint plant play
            prefer pull push remember see sell share steal take touch use want wash watch""",
        "meet": """
            admire ask attack avoid bite blame call catch chase fear fight find follow forget
            guard hate hear help hit hug ignore invite judge kick kill kiss know like love marry
            meet miss nurse photograph pity praise protect remember save see surprise teach
            thank touch trust visit warn watch""",
        "eat": """
            bring buy cook drink eat hate like love make need order serve share smell taste want""",
        "give": "bring buy give hand lend offer pay promise read sell send show teach tell",
        "want": """
            agree decide expect hope learn like love need plan prepare promise refuse try want""",
        "seem": "appear seem",
        "become": "appear become feel look remain seem smell sound",
        "begin": "begin continue enjoy hate keep like love start stop",
        "persuade": "allow encourage force help order persuade want",
        "let": "help let make",
        "think": "believe forget guess hear hope know learn notice remember say think",
        "wonder": "ask wonder",
        "talk": "complain dream laugh talk think worry write",
    }.items()
}
"""Verbs by what they take."""

OTHERS = {
    name: tuple(words.split())
    for name, words in {
        "JJ": """
            afraid angry beautiful big black blue brave bright busy calm careful cheap clean
            clever cold cruel dark dirty dry empty expensive famous fast friendly funny green
            happy heavy honest hot hungry kind late lazy light little loud lucky new nice noisy
            old patient polite poor proud quick quiet red rich sad short shy sick silent slow
            small strange strong tall tired ugly warm weak white wild wise young""",
        "JJR": """
            bigger braver brighter cheaper cleaner colder darker faster happier heavier kinder
            louder older poorer quicker richer shorter slower smaller stronger taller warmer
            weaker wiser younger""",
        "long": "beautiful careful dangerous difficult expensive famous honest patient polite",
        "hard": """
            dangerous difficult easy fun important impossible possible safe sad strange useful""",
        "manner": """
            again alone badly carefully happily loudly politely quickly quietly sadly slowly
            suddenly together well""",
        "RBR": "better faster harder louder quicker slower",
        "often": "always never often rarely sometimes usually",
        "where": "abroad away downstairs here home inside nearby outside there upstairs",
        "degree": "quite really so too very",
        "fronted": "finally fortunately often sadly sometimes soon suddenly unfortunately usually",
        "first": """
            Adam Alice Ann Bob Carol Charles Daniel David Emma George Helen Jack James Jane
            Julia Kate Laura Linda Lisa Mark Martin Michael Paul Robert Sam Sarah Steve Susan
            Tom""",
        "last": """
            Adams Baker Clark Cook Davis Evans Green Hill Johnson Jones King Lewis Miller Moore
            Taylor Walker White Williams Young""",
        "town": """
            America Boston Canada Chicago China Egypt England Europe France Germany India Iraq
            Italy Japan Mexico Moscow Rome Russia Spain Texas""",
        "month": "January February April June July August September October November December",
        "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "CD": "two three four five six seven eight ten twelve twenty",
        "MD": "can could may might must should will would",
        "of": "about behind from near of with",
        "at": "at behind in inside near on through under",
        "because": "after although because before if unless until when while",
    }.items()
} | {"year": tuple(map(str, range(1950, 2025)))}
"""The words of all other lists."""

_PLURALS = dict(
    pair.split()
    for pair in (
        "child children",
        "man men",
        "policeman policemen",
        "woman women",
        "fish fish",
        "mouse mice",
        "sheep sheep",
        "wolf wolves",
        "knife knives",
    )
)
"""The plurals that aren't made by rule."""

_FORMS = {
    entry.split()[0]: entry.split()[1:]
    for entry in """
    become became become; begin began begun beginning; bite bit bitten; break broke broken;
    bring brought brought; build built built; buy bought bought; catch caught caught;
    choose chose chosen; come came come; draw drew drawn; drink drank drunk;
    drive drove driven; drop dropped dropped dropping; eat ate eaten; fall fell fallen;
    feel felt felt; fight fought fought; find found found; fly flew flown;
    forget forgot forgotten forgetting; freeze froze frozen; give gave given; go went gone;
    grow grew grown; hear heard heard; hide hid hidden; hit hit hit hitting; hold held held;
    hug hugged hugged hugging; keep kept kept; kneel knelt knelt; know knew known;
    leave left left; lend lent lent; let let let letting; lie lied lied lying;
    lose lost lost; make made made; meet met met; nod nodded nodded nodding;
    panic panicked panicked panicking; pay paid paid; plan planned planned planning;
    prefer preferred preferred preferring; read read read; ride rode ridden;
    rise rose risen; rot rotted rotted rotting; run ran run running; say said said;
    see saw seen; sell sold sold; send sent sent; shake shook shaken; shine shone shone;
    show showed shown; sing sang sung; sink sank sunk; sit sat sat sitting;
    sleep slept slept; speak spoke spoken; spread spread spread; stand stood stood;
    steal stole stolen; stink stank stunk; stop stopped stopped stopping;
    swim swam swum swimming; take took taken; teach taught taught; tell told told;
    think thought thought; wake woke woken; win won won winning; write wrote written
    """.split(";")
}
"""Past tense, past participle and present participle, up to the last that isn't made by rule."""


def plural(noun: str) -> str:
    """The plural of a noun."""
    return _PLURALS.get(noun) or _with_s(noun)


def inflections(verb: str) -> dict[str, str]:
    """The forms of a verb, by their tags of the Penn Treebank."""
    stem = verb[:-1] + "i" if _ends_in_consonant_y(verb) else verb.removesuffix("e")
    participle = (verb if verb.endswith("ee") else verb.removesuffix("e")) + "ing"
    regular = [stem + "ed", stem + "ed", participle]
    known = _FORMS.get(verb, [])
    past, perfect, present = known + regular[len(known) :]
    return {
        "VB": verb,
        "VBP": verb,
        "VBZ": _with_s(verb),
        "VBD": past,
        "VBN": perfect,
        "VBG": present,
    }


def _with_s(word: str) -> str:
    if _ends_in_consonant_y(word):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def _ends_in_consonant_y(word: str) -> bool:
    return word.endswith("y") and word[-2] not in "aeiou"
