"""Frequent English words, by kind: the background that topics and items stand out from.

They fill the slots of remarks and reviews beside the topic, stand in the place of other words now
and then, and are whole tokens, so that a sentence of everyday words reads as one. No held-out noun
is among them.
"""

from scripts.train_tiny.words import HELD_OUT, NAMES, word_tuple


def _allowed(text: str) -> tuple[str, ...]:
    return tuple(word for word in word_tuple(text) if word not in HELD_OUT)


PEOPLE = _allowed(
    """brother sister mother father uncle aunt cousin son wife husband neighbor friend boss
    teacher doctor nurse judge clerk driver waiter lawyer plumber baker farmer soldier singer
    captain manager colleague stranger guard priest student girl boy man woman kid guest thief
    owner grandfather partner twin expert officer mayor chef king queen player"""
)
BODY = _allowed(
    """arm leg back head hand foot neck eye ear nose stomach heart face finger shoulder skin hair
    mouth bone nerve tongue throat chest brain lip"""
)
BODIES = tuple(f"{part}s" for part in BODY if part not in ("foot", "hair"))
THINGS = _allowed(
    """wall floor corner ground air water fire smoke mud dust ice oil blood paper glass wood
    metal plastic key card box line sign edge end middle side top bottom hole crack stain pile
    piece bit lid handle button wheel engine wire pipe stone sand grass leaf branch nail hammer
    rope bucket cloth pocket sleeve bottle bowl fork spoon cup tray shelf drawer cupboard stairs
    step hall attic yard path square hill field forest lake river sea shore island mountain
    valley town country world sky sun moon star cloud storm fog heat light shadow noise voice
    word name number list page letter picture map color shape size weight price cost bill coin
    cash truth lie reason answer question problem trouble danger chance luck hope fear anger
    pain tear smile laugh fight war peace law rule habit idea thought memory history future past
    moment minute hour day night evening week month year spring autumn noon midnight life death
    age youth power energy speed force pressure lunch meal breakfast dish plate bread meat
    butter sugar salt pepper egg fruit apple bean rice milk people crowd group line queue"""
)
PLACES_BY = _allowed(
    """office school church hospital station market bank shop garage cellar basement bedroom
    roof street road bridge square park beach harbor airport village city town court prison
    factory farm lake forest gate stage court yard entrance exit waiting_room post_office"""
)
ADJECTIVES = _allowed(
    """old new young big small little long short tall high low wide narrow deep thick thin heavy
    hot warm cool wet dry full empty open closed hard soft sharp round flat red blue green yellow
    white black brown gray dark bright early late fast quick quiet calm strange special common
    rare real true simple easy certain free busy ready single double whole local public private
    foreign modern famous similar different extra final"""
)
VERBS_PAST = _allowed(
    """walked talked looked asked called came went saw took gave found left kept held brought
    bought sold paid spent put set sat stood ran fell grew knew thought felt heard told said
    spoke wrote read drew sang played worked waited started stopped opened closed turned moved
    carried pulled pushed pressed dropped picked threw caught hit kicked cut washed cooked baked
    ate drank slept woke dreamed smiled laughed shouted whispered cried screamed jumped climbed
    swam drove rode flew sailed parked crossed followed led met joined visited stayed returned
    arrived entered passed missed lost won learned taught studied tried needed wanted wished
    hoped helped saved used wore dressed fixed built painted filled covered counted measured
    changed happened appeared vanished remembered forgot understood believed answered explained
    showed pointed sent posted signed ordered planned decided promised refused agreed argued
    cancelled delayed blocked shut locked broke burned tore spilled shook rolled sank dried froze
    melted rang knocked touched smelled tasted"""
)
VERBS_BASE = _allowed(
    """walk talk look ask call come go see take give find leave keep hold bring buy sell pay
    spend put sit stand run fall grow know think feel hear tell say speak write read draw sing
    play work wait start stop open close turn move carry pull push press drop pick throw catch
    hit kick cut wash cook bake eat drink sleep wake dream smile laugh shout cry scream jump
    climb swim drive ride fly sail park cross follow lead meet join visit stay return arrive
    enter pass miss lose win learn teach study try need want wish hope help save use wear dress
    fix build paint fill cover count measure change happen appear remember forget understand
    believe answer explain show send sign order plan decide promise refuse agree argue"""
)
_HISSING = ("s", "sh", "ch", "x", "o")
VERBS_THIRD = tuple(
    verb[:-1] + "ies"
    if verb.endswith("y") and verb[-2] not in "aeou"
    else verb + ("es" if verb.endswith(_HISSING) else "s")
    for verb in VERBS_BASE
)
ADVERBS = _allowed(
    """again always never often sometimes soon now then today tomorrow yesterday here there
    everywhere nowhere away back down up out inside outside together alone almost already even
    ever just maybe only perhaps quite really still too very well yet finally suddenly slowly
    quickly quietly loudly badly hardly nearly usually once twice later early first last next
    instead anyway everyone everybody everything someone somebody something anyone anybody
    anything nobody nothing none both each few many more most much other several some such own
    same enough half"""
)
FUNCTION_WORDS = _allowed(
    """about above across after against along among around at before behind below beside between
    beyond by during except for from in into like near of off on onto over past since through
    till to toward under until upon with within without and but or because although if when while
    where why how what who which whose that this these those i you he she it we they me him her us
    them my your his its our their mine yours hers ours theirs myself yourself himself herself
    ourselves am is are was were be been being have has had do does did will would shall should
    can could may might must not no yes a an the as than so"""
)
NUMBERS = _allowed(
    """one two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred
    thousand million second third fourth"""
)
DAYS = _allowed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

COMMON_WORDS: tuple[str, ...] = tuple(
    sorted(
        {
            *PEOPLE, *BODY, *BODIES, *THINGS, *PLACES_BY, *ADJECTIVES, *VERBS_PAST, *VERBS_BASE,
            *VERBS_THIRD, *ADVERBS, *FUNCTION_WORDS, *NUMBERS, *NAMES,
        }
    )
)  # fmt: skip
COMMON_NOUNS: tuple[str, ...] = tuple(sorted({*BODY, *THINGS, *PLACES_BY}))
