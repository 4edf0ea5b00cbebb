"""The nouns, names and other open-class words of the corpus, each list cut into three splits.

A word of the `validation` or `test` split never fills the topic or item slot of a dialogue or a
review in training. It may stand in a story or in a copying drill, so that its token is known.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SplitWords:
    """One open slot: the words that may fill it, cut by construction into disjoint splits."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def of(self, split: str) -> tuple[str, ...]:
        """Return the words of `split` ("train", "validation" or "test")."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]


def word_tuple(text: str) -> tuple[str, ...]:
    """Return the words of `text`; an underscore stands for a space within a word."""
    return tuple(word.strip().replace("_", " ") for word in text.split())


REVIEW_ITEMS = SplitWords(
    train=word_tuple(
        """pizza pasta salad bread cheese cake coffee tea juice burger steak rice sandwich
        breakfast lunch dinner dessert menu wine beer sushi curry stew omelette pancake waffle
        chocolate cookie pie sauce chicken fish shrimp taco noodle dumpling yogurt ice_cream
        cafe bar bakery museum theater cinema park zoo beach pool gym spa hostel motel resort
        apartment room lobby balcony view bed shower market shop mall airport station bus train
        ferry taxi flight tour cruise concert movie show play book novel song album game series
        phone laptop tablet camera printer keyboard mouse headset speaker television watch clock
        radio charger cable battery lamp sofa chair table desk mattress pillow blanket carpet
        curtain mirror oven fridge toaster kettle blender vacuum heater fan jacket coat shirt
        dress skirt hat scarf glove boot shoe sandal belt wallet bag backpack suitcase umbrella
        bike scooter helmet tent stove knife pan pot plate cup bottle toy puzzle doll guitar
        piano drum pen notebook service staff waiter driver guide barber dentist nurse plumber
        delivery website app"""
    ),
    validation=word_tuple(
        """quiche hotel soup salmon patio tram opera sweater monitor bicycle guesthouse
        muffin drill candle massage library vest trampoline violin brunch"""
    ),
    test=word_tuple(
        """restaurant porridge castle carnival escalator tricycle razor lemonade bathtub sausage
        gallery microwave sneaker pub sculpture cottage bracelet flute necklace cocktail rug
        stadium podcast ladder hammock"""
    ),
)

DIALOGUE_TOPICS = SplitWords(
    train=word_tuple(
        """garden car boss job meeting exam school teacher homework neighbor dog cat house cellar
        roof window door fence tree river road traffic bus train weather rain snow wind summer
        winter holiday wedding party birthday dinner lunch food diet doctor hospital medicine
        tooth headache sleep dream noise music band piano song movie book newspaper letter email
        phone computer internet printer camera game team match coach race bike trip flight hostel
        luggage passport ticket money bank loan bill tax rent price shop store market coat shoe
        dress haircut mirror family brother sister uncle aunt cousin baby child friend colleague
        manager client customer project report deadline contract office desk chair gate lawn
        pool beach park farm village city street bridge museum stairs church election law judge
        police army war news story joke secret promise mistake argument plan idea choir club
        painting recipe cake coffee tea garage basement bathroom shower heater lamp carpet sofa"""
    ),
    validation=word_tuple(
        """terrace parking interview laundry puppy recital mortgage speech sequel fountain ceiling
        grandmother knee allergy schedule seminar faucet orchard roommate password"""
    ),
    test=word_tuple(
        """landlord commute backache essay parrot driveway wardrobe tournament surgery statue
        lecture vaccine orchestra nephew daughter pharmacy toilet invoice tractor hallway
        diploma salary mosquito canoe chimney"""
    ),
)

NAMES: tuple[str, ...] = word_tuple(
    """Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olive Peter Rosa
    Sam Tina Victor Wendy Tom Lucy Max Nina Oscar Paula Simon Ella Hugo"""
)
PLACES: tuple[str, ...] = word_tuple(
    """garden kitchen park forest river school market beach library barn field station bakery
    attic yard lake hill farm harbor museum village bridge cellar orchard"""
)
OBJECTS: tuple[str, ...] = word_tuple(
    """ball book key hat letter basket map coin lamp shell kite box bell stone flower ring cup
    blanket ladder rope bucket candle drum spoon jar whistle feather button boot pencil"""
)
ANIMALS: tuple[str, ...] = word_tuple(
    "dog cat bird fox rabbit duck horse frog mouse goat hen squirrel turtle owl sheep cow"
)
COLORS: tuple[str, ...] = word_tuple("red blue green yellow white black brown gray silver golden")
FEELINGS: tuple[str, ...] = word_tuple(
    "happy sad tired proud hungry scared calm angry curious lonely"
)
FOODS: tuple[str, ...] = word_tuple(
    "bread soup cheese apples cake berries honey eggs milk cookies rice pears nuts corn"
)


_ONSETS = (
    *"bcdfghjklmnprstvw" * 2,
    *("bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "pl", "pr", "qu", "sc", "sh"),
    *("sk", "sl", "sm", "sn", "sp", "st", "str", "sw", "th", "tr", "wh"),
)
_VOWELS = (*"aeiou" * 4, "ai", "ea", "ee", "ie", "oa", "oo", "ou")
_CODAS = (
    *("n", "r", "s", "l", "t", "m", "p", "d", "ck", "ll", "ss", "sh", "st", "nd", "nt", "mp"),
    *("rk", "rn", "rt", "lt", "ng", "ff", "ch"),
)
_ENDINGS = (*("",) * 10, "y", "er", "le", "ing", "ed", "et", "on", "ment", "s", "age", "ow", "ic")


def made_up_word(rng: random.Random) -> str:
    """Return a word of one to three syllables that is on no list, so that it must be copied.

    It is shaped like an English one, so that English words of several tokens are copied alike.
    """
    while True:
        syllables = [
            rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(("", "", *_CODAS[:8]))
            for _ in range(rng.choice((0, 0, 1, 1, 1, 2)))
        ]
        last = rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
        word = "".join((*syllables, last, rng.choice(_ENDINGS)))
        if len(word) > 3 and word not in HELD_OUT:
            return word


_MADE_UP_SHARE = 0.16


def training_noun(rng: random.Random) -> str:
    """Return a noun for a dialogue or a review of training, one in six of them made up."""
    return made_up_word(rng) if rng.random() < _MADE_UP_SHARE else rng.choice(TRAINING_NOUNS)


# Nouns of hand-written sentences that no list above has.
WRITTEN_NOUNS: tuple[str, ...] = ("festival", "elevator", "kitchen")
HELD_OUT: frozenset[str] = frozenset(WRITTEN_NOUNS) | frozenset(
    word
    for slot in (REVIEW_ITEMS, DIALOGUE_TOPICS)
    for words in (slot.validation, slot.test)
    for word in words
)
TRAINING_NOUNS: tuple[str, ...] = tuple(
    sorted({*REVIEW_ITEMS.train, *DIALOGUE_TOPICS.train, *OBJECTS, *ANIMALS, *PLACES} - HELD_OUT)
)
