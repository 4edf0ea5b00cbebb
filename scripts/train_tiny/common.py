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
MORE_PEOPLE = _allowed(
    """kid kids child children men women people lady gentleman tailor gardener butcher mechanic
    electrician carpenter architect engineer scientist professor pupil tutor secretary assistant
    accountant cashier porter pilot sailor fisherman hunter shepherd cook waitress hostess maid
    butler cleaner painter sculptor writer author poet editor reporter journalist photographer
    actor actress dancer drummer pianist violinist guitarist athlete runner swimmer rider coach
    trainer referee goalkeeper champion winner loser hero villain witch wizard giant dwarf pirate
    robber burglar prisoner detective inspector sergeant general colonel spy diplomat president
    minister senator governor prince princess duke knight monk nun bishop pope saint sinner
    pensioner veteran orphan widow bride groom bachelor stepfather stepmother godfather
    grandparents parents brothers sisters sons friends neighbors guests visitors tourists
    passengers customers workers students teachers soldiers citizens lawyers doctors nurses
    bully clown fool genius leader follower helper member buyer seller dealer trader tenant
    surgeon dentists vet therapist librarian fireman postman policeman salesman chairman"""
)
MORE_THINGS = _allowed(
    """feet teeth eyes ears hands legs arms fingers toes toe thumb wrist elbow ankle waist hip
    cheek chin forehead lung liver kidney muscle nail beard moustache eyebrow fist palm heel
    table tables windows doors walls floors rooms houses streets shoes clothes trousers jeans
    sock socks tie button zipper apron uniform costume mask crown ring earring purse basket
    barrel crate sack parcel package envelope stamp postcard diary poster sticker label ribbon
    string thread needle scissors pin pliers screw screwdriver saw axe shovel rake broom mop
    sponge soap towel toothbrush comb brush shampoo perfume lotion medicine pill bandage
    thermometer telescope microscope compass calculator computer screen cable plug socket switch
    alarm siren bell horn whistle trumpet cello harp organ tune melody rhythm chorus
    stage curtain script scene audience applause prize medal trophy score goal net bat racket
    helmet skate ski sled kayak raft boat ship yacht anchor sail deck cabin truck van wagon cart
    scooter engine brake pedal tyre tank tunnel highway lane crossing sidewalk pavement corner
    signpost fence hedge bush shrub weed seed root trunk twig bark moss fern grape
    peach plum cherry lemon orange banana melon berry strawberry carrot potato tomato onion
    garlic cabbage lettuce spinach mushroom pumpkin pea corn flour dough jam jelly honey vinegar
    mustard ketchup ham bacon turkey lamb beef pork toast cereal snack candy syrup cream
    kettle jug pitcher mug saucer napkin tablecloth oven stove freezer sink tap drain pipe tile
    brick plank beam pillar arch tower temple chapel cathedral palace fortress cave cliff canyon
    desert jungle swamp pond stream waterfall ocean wave tide coast bay cape volcano earthquake
    flood drought thunder lightning rainbow breeze hurricane snowflake frost icicle sunrise
    sunset dawn dusk century decade season weekend birthday anniversary holiday ceremony parade
    picnic feast banquet buffet recipe flavor taste scent odor stench perfume silence
    whisper echo scream yell laughter joy grief sorrow pride shame guilt envy greed pity mercy
    courage patience wisdom talent skill knowledge science history geography grammar spelling
    alphabet sentence paragraph chapter title headline article column advert slogan brochure
    manual guidebook dictionary passport visa permit licence certificate receipt cheque wallet
    budget income profit debt fine fee wage bonus pension insurance warranty guarantee refund
    discount bargain auction stall counter factory warehouse workshop studio
    laboratory clinic ward cell courtroom barracks pier dock lighthouse
    platform carriage compartment seat aisle cockpit wing tail propeller parachute
    rocket satellite planet comet galaxy universe atom magnet crystal diamond pearl
    gold silver copper iron steel lead tin coal gas petrol rubber leather wool cotton silk linen
    velvet feather fur shell horn claw paw beak nest web hive cage kennel stable leash
    saddle whip bone skull ghost angel devil dragon monster fairy puzzle riddle trick
    dice chess cards marble balloon swing slide sandpit photo photograph drawing
    portrait frame exhibition collection antique treasure souvenir gift present surprise"""
)
MORE_VERBS_PAST = _allowed(
    """clapped cheered shrugged nodded bowed waved hugged kissed winked stared glanced blinked
    sneezed coughed yawned snored sighed groaned moaned mumbled muttered stammered chatted
    gossiped joked teased mocked insulted blamed accused denied admitted confessed apologised
    forgave thanked praised blessed cursed swore threatened warned begged demanded insisted
    suggested advised recommended complained protested objected quarrelled fought wrestled boxed
    chased hunted fished trapped escaped hid sneaked crept crawled stumbled tripped slipped
    skipped hopped danced marched hiked wandered strolled hurried rushed raced galloped skated
    skied surfed dived floated drifted rowed landed boarded packed unpacked loaded emptied
    cleaned wiped swept scrubbed polished dusted ironed folded hung stitched knitted sewed
    mended repaired replaced removed attached glued taped nailed drilled sawed chopped sliced
    peeled stirred mixed poured boiled fried roasted grilled tasted swallowed chewed bit licked
    sipped spat smoked lit switched plugged typed printed copied pasted deleted downloaded
    phoned texted emailed mailed delivered collected gathered borrowed lent rented hired fired
    resigned retired earned owed donated stole robbed cheated lied tricked fooled scared
    frightened surprised amazed shocked annoyed bothered worried troubled comforted cheered
    encouraged inspired impressed bored tired rested relaxed stretched exercised trained
    practised rehearsed performed acted filmed photographed sketched designed invented
    discovered explored searched examined tested checked proved solved guessed wondered doubted
    imagined pretended dreaded feared trusted respected admired loved hated liked preferred
    chose selected voted elected ruled governed attacked defended surrendered conquered invaded
    destroyed damaged ruined wrecked crashed exploded collapsed sweated shivered trembled bled
    fainted recovered healed died buried married divorced adopted raised fed bathed dressed"""
)
MORE_FORMS = _allowed(
    """days nights hours minutes weeks months years times trees stones rocks leaves flowers plants
    branches roots seeds hills mountains lakes rivers waves clouds stars storms bins boxes bags
    bottles cups glasses plates bowls forks knives spoons pots pans keys locks cards coins notes
    bills letters books pages words names numbers lines signs pictures songs stories jokes lies
    games toys balls dolls drums pianos guitars bells cars buses trains trucks bikes boats ships
    planes wheels brakes tyres lights lamps candles wires pipes holes cracks stains marks spots
    beds chairs desks sofas cushions curtains carpets towels shelves drawers cupboards mirrors
    clocks watches phones computers screens machines tools hammers nails bricks tiles roofs
    gardens parks roads bridges paths gates fences towns cities villages countries schools shops
    offices banks churches farms animals dogs cats birds horses cows mice rats
    insects flies spiders worms snakes apples eggs cookies sandwiches meals drinks prices costs
    taxes rules laws plans ideas dreams thoughts problems mistakes questions answers reasons
    lessons classes tests parties dances races matches goals points colors shapes sizes
    coming going doing making taking giving getting having being saying telling asking talking
    speaking shouting crying laughing smiling singing playing working waiting standing sitting
    walking running driving riding flying falling growing moving turning opening closing buying
    selling paying eating drinking cooking baking cleaning washing sleeping waking reading writing
    learning teaching trying helping using wearing breaking cutting building fixing burning
    killing dying living feeling hearing seeing looking watching thinking knowing wanting hoping
    shaking bending leaving arriving stopping starting bringing carrying holding keeping losing
    winning hurting able accident pink purple broken eaten given taken gone done
    seen known written spoken driven fallen stolen owned frozen hidden forgotten quality size"""
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
            *VERBS_THIRD, *MORE_PEOPLE, *MORE_THINGS, *MORE_VERBS_PAST, *MORE_FORMS, *ADVERBS,
            *FUNCTION_WORDS, *NUMBERS, *NAMES,
        }
    )
)  # fmt: skip
COMMON_NOUNS: tuple[str, ...] = tuple(sorted({*BODY, *THINGS, *MORE_THINGS, *PLACES_BY}))
EVERYBODY: tuple[str, ...] = tuple(sorted({*PEOPLE, *MORE_PEOPLE}))
