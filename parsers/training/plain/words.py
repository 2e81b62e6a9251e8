"""The words of the grammar of :mod:`parsers.training.plain`, with their inflections.

Nearly all of them occur in UD English EWT. Many are noun and verb (*bark*, *play*, *watch*, *walk*): they stand
in lists of nouns and of verbs, so that what is around them decides.
"""

from __future__ import annotations

__all__ = ["NOUNS", "OTHERS", "VERBS", "inflections", "plural"]

NOUNS = {
    name: tuple(words.split())
    for name, words in {
        "person": """actor artist aunt/aunts baker boss/bosses boy buyer child/children coach/coaches cook cousin
            customer dancer daughter dentist doctor driver expert father friend girl guard guest guide
            hunter judge king lawyer leader man/men manager mayor mother musician neighbor nurse owner
            painter patient pilot player policeman/policemen reporter sailor scientist singer sister
            soldier son student teacher tourist uncle visitor waiter winner woman/women worker writer""",
        "animal": """bat bear bee bird bug bull cat chicken cow crow dog duck elephant fish/fish fly/flies fox/foxes
            frog goat hawk horse kitten lion monkey mouse/mice parrot pig pigeon puppy/puppies rabbit
            rat seal shark sheep/sheep snake spider swallow tiger turtle whale wolf/wolves""",
        "thing": """bag ball bank bed bike boat bottle box/boxes bus/buses camera candle car card chair clock
            coat computer cup desk door drawing engine flag flower gift glass/glasses guitar hat key knife/knives
            lamp letter light machine map mirror newspaper note painting paper park pen phone
            picture plane plant plate poem radio ring rock rope ship shoe sign stamp stone story/stories table
            ticket toy train tree truck wall watch/watches wheel window""",
        "food": "apple cake egg fruit meal onion pie salad sandwich steak",
        "stuff": "bread cheese coffee dinner lunch meat milk rice soup tea water wine",
        "place": "airport bridge church city corner cottage farm field forest garden gate hall hill hospital "
        "hotel house island kitchen lake library market mountain museum office river road roof room "
        "school shop station store street town valley village",
        "act": "answer attack bark call change cook cry dance drink drive fall fight guess hope hunt jump kick "
        "laugh laughter leak look love march meeting party plan play race report rest ride rise run search shout "
        "show sleep smile smell stop strike swim talk test touch trade trip visit wait walk war watch work",
        "time": "day evening hour month morning night summer week weekend winter year",
    }.items()
}
"""Nouns by what they name; ``child/children`` gives a plural that isn't made by rule."""

VERBS = {
    name: tuple(words.split())
    for name, words in {
        "act": """arrive bark come/came/come/coming complain cook cough cry dance disappear drink/drank/drunk
            drive/drove/driven/driving eat/ate/eaten escape exercise fight/fought/fought fish fly/flew/flown
            go/went/gone growl guess hide/hid/hidden/hiding hunt joke jump kneel/knelt/knelt laugh leave/left/left
            lie/lied/lied/lying listen march meow move nod/nodded/nodded/nodding paint panic/panicked/panicked/panicking play
            pray race read/read/read relax rest return ride/rode/ridden/riding run/ran/run/running sail
            scream shout sing/sang/sung sit/sat/sat/sitting sleep/slept/slept smile smoke snore speak/spoke/spoken
            stand/stood/stood stare stop/stopped/stopped/stopping struggle study swallow
            swim/swam/swum/swimming talk travel vote wait wake/woke/woken/waking walk wander watch wave whisper
            win/won/won/winning work worry yell""",
        "happen": """begin/began/begun/beginning break/broke/broken burn change close collapse crash
            disappear drop/dropped/dropped/dropping end explode fall/fell/fallen float freeze/froze/frozen/freezing
            grow/grew/grown improve last leak matter melt move open rise/rose/risen/rising roll rot/rotted/rotted/rotting
            shake/shook/shaken/shaking shine/shone/shone/shining sink/sank/sunk sell/sold/sold smell
            spread/spread/spread start stink/stank/stunk stop/stopped/stopped/stopping vanish work""",
        "use": """admire bring/brought/brought build/built/built burn buy/bought/bought carry choose/chose/chosen/choosing
            clean close cover draw/drew/drawn drop/dropped/dropped/dropping fill find/found/found fix guard hate
            hide/hid/hidden/hiding hold/held/held kick know/knew/known like lose/lost/lost/losing love move need
            open own paint plant play prefer/preferred/preferred/preferring pull push
            remember see/saw/seen/seeing sell/sold/sold share steal/stole/stolen take/took/taken/taking touch
            use want wash watch""",
        "meet": """admire ask attack avoid bite/bit/bitten/biting blame call catch/caught/caught chase fear fight/fought/fought find/found/found
            follow forget/forgot/forgotten/forgetting guard hate hear/heard/heard help hit/hit/hit/hitting hug/hugged/hugged/hugging
            ignore invite judge kick kill kiss know/knew/known like love marry meet/met/met miss nurse
            photograph pity praise protect remember save see/saw/seen/seeing surprise teach/taught/taught
            thank touch trust visit warn watch""",
        "eat": "bring/brought/brought buy/bought/bought cook drink/drank/drunk eat/ate/eaten hate like love "
        "make/made/made/making need order serve share smell taste want",
        "give": "bring/brought/brought buy/bought/bought give/gave/given/giving hand lend/lent/lent offer "
        "pay/paid/paid promise read/read/read sell/sold/sold send/sent/sent show/showed/shown teach/taught/taught "
        "tell/told/told",
        "want": "agree decide expect hope learn like love need plan/planned/planned/planning prepare promise refuse try want",
        "seem": "appear seem",
        "become": "appear become/became/become/becoming feel/felt/felt look remain seem smell sound",
        "begin": "begin/began/begun/beginning continue enjoy hate keep/kept/kept like love start "
        "stop/stopped/stopped/stopping",
        "persuade": "allow encourage force help order persuade want",
        "let": "help let/let/let/letting make/made/made/making",
        "think": "believe forget/forgot/forgotten/forgetting guess hear/heard/heard hope know/knew/known "
        "learn notice remember say/said/said think/thought/thought",
        "wonder": "ask wonder",
        "talk": "complain dream laugh talk think/thought/thought worry write/wrote/written/writing",
    }.items()
}
"""Verbs by what they take: base form, past tense, past participle, present participle, where not made by rule."""

OTHERS = {
    name: tuple(words.split())
    for name, words in {
        "JJ": """afraid angry beautiful big black blue brave bright busy calm careful cheap clean clever cold cruel
            dark dirty dry empty expensive famous fast friendly funny green happy heavy honest hot hungry
            kind late lazy light little loud lucky new nice noisy old patient polite poor proud quick quiet red rich
            sad short shy sick silent slow small strange strong tall tired ugly warm weak white wild wise young""",
        "JJR": "bigger braver brighter cheaper cleaner colder darker faster happier heavier kinder louder "
        "older poorer quicker richer shorter slower smaller stronger taller warmer weaker wiser younger",
        "long": "beautiful careful dangerous difficult expensive famous honest patient polite",
        "hard": "dangerous difficult easy fun important impossible possible safe sad strange useful",
        "manner": "again alone badly carefully happily loudly politely quickly quietly sadly slowly suddenly "
        "together well",
        "RBR": "better faster harder louder quicker slower",
        "often": "always never often rarely sometimes usually",
        "where": "abroad away downstairs here home inside nearby outside there upstairs",
        "degree": "quite really so too very",
        "fronted": "finally fortunately often sadly sometimes soon suddenly unfortunately usually",
        "first": """Adam Alice Ann Bob Carol Charles Daniel David Emma George Helen Jack James Jane Julia Kate Laura
            Linda Lisa Mark Martin Michael Paul Robert Sam Sarah Steve Susan Tom""",
        "last": "Adams Baker Clark Cook Davis Evans Green Hill Johnson Jones King Lewis Miller Moore Taylor "
        "Walker White Williams Young",
        "town": "America Boston Canada Chicago China Egypt England Europe France Germany India Iraq Italy "
        "Japan Mexico Moscow Rome Russia Spain Texas",
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


def plural(noun: str) -> str:
    """The plural of an entry of :data:`NOUNS`."""
    word, _, irregular = noun.partition("/")
    return irregular or _with_s(word)


def inflections(verb: str) -> dict[str, str]:
    """The forms of an entry of :data:`VERBS`, by their tags of the Penn Treebank."""
    base, *irregular = verb.split("/")
    consonant_y = base.endswith("y") and base[-2] not in "aeiou"
    stem = base[:-1] + "i" if consonant_y else base.removesuffix("e")
    past, participle, present = [*irregular, *[""] * 3][:3]
    return {
        "VB": base,
        "VBP": base,
        "VBZ": _with_s(base),
        "VBD": past or stem + "ed",
        "VBN": participle or stem + "ed",
        "VBG": present or (base if base.endswith(("y", "ee")) else base.removesuffix("e")) + "ing",
    }


def _with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")
