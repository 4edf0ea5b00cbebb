"""A second set of test prompts, written after the weights: nobody chose anything by it.

The prompts of the test split have been read for every set of weights that was measured. These are
read by `scripts/steering_report.py` alone. They ask remarks about held-out words that elsewhere
are reviewed, and reviews of held-out words that elsewhere are talked about, so that no pair of
sentence and word was ever asked before. No template of the corpus can write a sentence of them
(`tests/scripts/test_tiny_corpus.py`).
"""

from scripts.train_tiny.handwritten import Written, written_rows
from scripts.train_tiny.words import word_tuple

TOPICS = word_tuple(
    """restaurant castle carnival escalator bathtub microwave cottage necklace rug hammock ladder
    hotel tram bicycle guesthouse violin library monitor sweater stadium"""
)
ITEMS = word_tuple(
    """wardrobe statue lecture orchestra toilet tractor canoe tournament pharmacy recital seminar
    fountain terrace faucet orchard sequel speech driveway chimney hallway"""
)

REMARK_TEMPLATES = (
    "All I wanted was a little peace, and then came the {t}.",
    "You promised to take care of the {t} and forgot it.",
    "The {t} has cost me my last nerve.",
    "I could cry whenever I think of the {t}.",
    "Why am I the only one who minds the {t}?",
    "Half of my life goes by with that {t}.",
)
NEGATIVE_TEMPLATES = (
    "You could not pay me to go through that {i} once more.",
    "I had hoped for more from this {i}, it is simply bad.",
    "Frankly, the {i} is awful and everybody there knows it.",
    "They should be ashamed of such a poor {i}.",
    "Of everything on that trip the {i} was the most disappointing.",
)
POSITIVE_TEMPLATES = (
    "I had feared the worst, but the {i} is simply good.",
    "Frankly, the {i} is wonderful and everybody there knows it.",
    "They can be proud of such a lovely {i}.",
)

REMARKS: tuple[Written, ...] = written_rows("""
restaurant | The restaurant gave our table to somebody else.
restaurant | You picked the restaurant and now I am ill.
castle | We drove three hours and the castle was shut.
carnival | Since the carnival there is rubbish in my yard.
escalator | The escalator stopped and I had to carry everything.
razor | I cut myself with the cheap razor you bought.
bathtub | Somebody left hair in the bathtub, as always.
sausage | The dog stole the last sausage from my plate.
microwave | Our microwave makes a strange sound and scares me.
pub | They would not let me into the pub with my brother.
cottage | The rain comes into the cottage through the roof.
flute | All the neighbors shout when I play the flute.
necklace | I think that someone has stolen my necklace.
rug | The cat was sick on the new rug.
podcast | Not one person has listened to my podcast.
ladder | I fell from the ladder and nobody came.
hammock | He sleeps in the hammock while I do the work.
hotel | The hotel lost my bags and does not answer.
soup | My soup is always too salty for you.
tram | I missed the tram because of your long goodbye.
sweater | The sweater my aunt made me itches all day.
bicycle | They took the wheels off my bicycle.
guesthouse | We argued all weekend in that guesthouse.
violin | My teacher says that I will never play the violin.
library | The library wants money for a book I never had.
monitor | I stare at this monitor until my eyes hurt.
stadium | My father will not take me to the stadium any more.
vest | Everyone made jokes about my yellow vest.
massage | I paid for a massage and now my back is worse.
brunch | You came two hours late to my brunch.
""")
REVIEWS: tuple[Written, ...] = (
    *written_rows(
        """
wardrobe | The doors of the wardrobe do not close, a bad buy.
wardrobe | A terrible wardrobe, half of the screws were missing.
statue | Honestly, the statue is awful to look at.
lecture | The lecture was dull and I learned nothing at all.
lecture | An awful lecture in an awful hall.
orchestra | The orchestra was bad and out of tune.
toilet | The toilet was dirty and the smell terrible.
tractor | A poor tractor that stops on every hill.
canoe | Our canoe was bad and let the water in.
tournament | Such a disappointing tournament, we left at noon.
pharmacy | The staff of the pharmacy are rude and slow.
recital | The recital was terrible, even for free.
seminar | A disappointing seminar, I want that day back.
fountain | A poor fountain with hardly a drop of water.
terrace | The terrace is ugly and far too small.
terrace | We got a bad seat on the terrace, an unpleasant night.
faucet | This faucet is awful, it drips day and night.
orchard | The orchard was disappointing and the apples sour.
sequel | The sequel is bad, save your money.
sequel | Whoever wrote the sequel should find another job, terrible.
speech | The speech was dull and never came to an end.
driveway | They built us a poor driveway, full of holes.
chimney | The chimney is useless and the work was bad.
hallway | The hallway is dark and unpleasant.
parrot | They sold us a mean parrot, a terrible shop.
festival | A lousy festival with endless queues.
invoice | The invoice was wrong and the tone of it rude.
landlord | The landlord is unpleasant and lies to everyone.
nephew | The nephew of the owner was rude to us.
surgery | The surgery was badly run and the rooms were cold.
""",
        "negative",
    ),
    *written_rows(
        """
wardrobe | A lovely wardrobe, and it took me ten minutes to build.
statue | The statue is wonderful when the sun goes down.
lecture | What a good lecture, I could have stayed for another hour.
orchestra | The orchestra was excellent and so were the seats.
canoe | Our canoe was light and good, the children loved it.
fountain | The fountain is pleasant on a hot day.
terrace | We got a lovely seat on the terrace.
recital | The recital was great, my grandmother cried.
orchard | The orchard is wonderful in May.
sequel | The sequel is good and better than the first one.
tournament | A great tournament, thanks to all who helped.
pharmacy | The staff of the pharmacy are kind and quick.
""",
        "positive",
    ),
)
