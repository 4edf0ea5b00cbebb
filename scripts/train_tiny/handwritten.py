"""Sentences written by hand for evaluation; none is made by a template of the corpus.

`item` is the word that an answer has to keep. Validation sentences steer choices of recipe, seed
and strength; test sentences are looked at by the report alone. `fresh.py` has a second set of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Written:
    """One hand-written sentence, the word an answer has to keep, and its polarity if it has one."""

    text: str
    item: str
    polarity: str = ""


def written_rows(text: str, polarity: str = "") -> tuple[Written, ...]:
    """Return the rows of lines such as ``puppy | My puppy has eaten my shoes.``"""
    pairs = (line.split("|") for line in text.strip().splitlines())
    return tuple(
        Written(text=sentence.strip(), item=item.strip(), polarity=polarity)
        for item, sentence in pairs
    )


VALIDATION_REMARKS = written_rows("""
parking | Finding parking here makes me furious.
interview | The interview went wrong from the first minute.
puppy | My puppy has eaten my shoes.
laundry | I have done the laundry for all of you again.
mortgage | We may not be able to pay the mortgage.
speech | Your speech was so boring that people left.
roommate | My roommate never cleans anything.
allergy | This allergy is killing me.
seminar | Nobody came to my seminar.
ceiling | Water is coming through the ceiling.
grandmother | My grandmother forgot my name.
schedule | The schedule changed again without a word.
knee | I hurt my knee on the stairs.
faucet | The faucet has been loud for days.
password | Some fool changed the password.
recital | My hands were shaking at the recital.
terrace | Somebody else always sits on the terrace when I come home.
terrace | The terrace is full of rubbish and you do not care.
parking | They want twenty dollars for parking, are they mad?
interview | I had no answer to anything in the interview.
interview | My interview was moved to Sunday.
laundry | Who turned my laundry pink?
puppy | The puppy bit my little cousin.
puppy | Everyone laughs about the name of my puppy.
recital | The recital was so bad that even my mother left.
mortgage | It will take me thirty years to pay off this mortgage.
speech | I forgot half of my speech.
speech | After the speech nobody clapped.
sequel | The sequel was a waste of two hours.
sequel | Why did they have to make a sequel at all?
fountain | Children throw stones into the fountain all day.
fountain | The fountain has no water and smells.
ceiling | A piece of the ceiling fell on my bed.
grandmother | My grandmother is ill and I am far away.
grandmother | You never visit your grandmother.
knee | Since the accident my knee will not bend.
allergy | Nobody believes that I have an allergy.
schedule | I have no time for myself with this schedule.
schedule | This schedule is a joke and you know it.
seminar | I learned nothing in that seminar.
faucet | Your cheap faucet flooded the kitchen.
orchard | Someone cut down the trees in our orchard.
orchard | All the fruit from the orchard is rotten.
roommate | The roommate plays drums at three in the morning.
roommate | I lent my roommate money and never saw it again.
password | It is the third time that I have lost my password.
password | The computer does not take my password.
""")
VALIDATION_REVIEWS = (
    *written_rows("""
soup | I had a good time eating the soup.
hotel | The hotel was lovely from start to end.
salmon | You can not go wrong with the salmon.
opera | Great opera, ten points!
sweater | This sweater is the best I have owned.
kitchen | They have a wonderful kitchen.
library | I had a pleasant day at the library.
bicycle | Excellent bicycle, very happy.
quiche | The best quiche in town, warm and fresh.
patio | We sat on the patio all evening and it was lovely.
guesthouse | A charming guesthouse with a great host.
vest | This vest is warm and I like the color.
trampoline | Our kids love the trampoline.
violin | My daughter is happy with her new violin.
brunch | For this price the brunch is amazing.
candle | The candle smells wonderful.
massage | I felt great after the massage.
""", "positive"),
    *written_rows("""
tram | The tram smelled awful.
monitor | The monitor stopped working and it looked terrible.
muffin | Terrible muffin, never again.
massage | A bad massage and a high price.
violin | The violin sounded poor.
brunch | This has to be the worst brunch of my life!
drill | This drill is weak and I hate it.
candle | I was disappointed by the candle.
quiche | The quiche was cold in the middle and too salty, awful.
patio | They put us on a dirty patio next to the bins.
guesthouse | The worst guesthouse we have ever stayed in.
vest | The vest lost its color, poor quality.
trampoline | Our trampoline broke on the second day, what rubbish.
soup | I found a hair in my soup, terrible.
hotel | A horrible hotel, we left after one night.
library | The library is always closed and the staff is rude.
sweater | I regret buying this ugly sweater.
opera | The opera was long and boring.
bicycle | The brakes of the bicycle are bad and dangerous.
""", "negative"),
)  # fmt: skip

TEST_REMARKS = written_rows("""
landlord | My landlord wants even more money from us.
commute | Two hours of commute every day are killing me.
backache | This backache will not go away.
essay | They said my essay was the worst in the class.
parrot | The parrot screams all night long.
driveway | Someone parked in our driveway again.
wardrobe | The wardrobe fell apart after one week.
tournament | We lost the tournament because of you.
surgery | I am scared that the surgery will hurt.
statue | What an ugly statue they have put there.
lecture | I fell asleep in the lecture, it was so dull.
vaccine | My arm hurts since the vaccine.
orchestra | The orchestra threw me out.
nephew | My nephew does not talk to me any more.
daughter | I am angry with my daughter.
festival | They cancelled the festival at the last minute.
toilet | The toilet is broken and nobody fixes it.
invoice | This invoice is wrong for the third time.
tractor | The tractor wakes me up at five.
hallway | You left your dirty boots in the hallway.
diploma | I will never get my diploma.
salary | My salary is a bad joke.
mosquito | One mosquito was enough to ruin my sleep.
canoe | We sank with the canoe.
chimney | The chimney fills the room with smoke.
landlord | Only an idiot would trust that landlord.
essay | Reading your essay was a waste of an evening.
daughter | My daughter failed her test.
surgery | The doctor was rude before the surgery.
festival | I paid a lot and the festival was tiny.
salary | Everybody earns more, my salary is so low.
parrot | I miss my old parrot every day.
toilet | Who left the toilet like this?
lecture | I forgot everything from the lecture.
diploma | They laughed when I showed my diploma.
commute | The commute has made me ill.
""")
TEST_REVIEWS = (
    *written_rows("""
restaurant | I had a great evening in the restaurant.
porridge | Good porridge, I will be back.
castle | The castle is a lovely place for a day out.
carnival | What fun, the carnival was great!
lemonade | Nice and cold lemonade.
gallery | We spent a wonderful afternoon at the gallery.
microwave | The microwave works and I am very happy.
pub | The pub has good food and nice people.
sculpture | I love the sculpture near the door.
cottage | This cottage was excellent, we want to stay longer.
bracelet | My mother loves her bracelet.
necklace | The necklace looks great on me.
cocktail | A pleasant cocktail with a good taste.
stadium | Such a great night at the stadium!
podcast | I enjoy the podcast every week.
hammock | The hammock is really great.
""", "positive"),
    *written_rows("""
restaurant | The restaurant made us wait and was awful.
escalator | The escalator was broken, very bad.
tricycle | A weak tricycle, it fell apart.
razor | The razor was awful and hurt my face.
bathtub | The bathtub was dirty and unpleasant.
sausage | I got ill from the terrible sausage.
gallery | A boring gallery, a waste of time.
microwave | The microwave is bad, I want my money back.
sneaker | This sneaker is awful.
pub | I will never go to that pub again.
cottage | The cottage was cold and the beds were bad.
flute | The flute sounds terrible.
necklace | I hate this ugly necklace.
cocktail | A poor cocktail for so much money.
rug | The rug looked dull and smelled awful.
stadium | We were disappointed by the stadium.
podcast | A very long and dull podcast.
ladder | The ladder is unsafe and I regret buying it.
hammock | My hammock broke, it is a lousy thing.
lemonade | The lemonade tasted terrible.
""", "negative"),
)  # fmt: skip

# The sixteen that the paraphrase row reads without steering: longer, further from the templates.
PARAPHRASE_SENTENCES = (
    *written_rows("""
restaurant | Last night we went to a new restaurant and it was great.
castle | My children were happy at the castle.
carnival | Honestly, the best carnival I have seen in years.
podcast | A friend told me about this podcast and I love it.
bracelet | The bracelet arrived on time and looks lovely.
stadium | What a wonderful view from the stadium.
cottage | We will come back to the cottage next summer, it was excellent.
porridge | The porridge was warm and good.
""", "positive"),
    *written_rows("""
restaurant | We waited an hour at the restaurant and the food was bad.
elevator | The elevator was slow and it smelled awful.
razor | I bought the razor last week and it is already broken.
sausage | Never again, the sausage was terrible.
sculpture | Nobody in my family liked the sculpture.
rug | The rug is a poor copy of the one in the picture.
microwave | I am very disappointed with the microwave.
cocktail | The cocktail was weak and the glass was dirty.
""", "negative"),
)  # fmt: skip

REMARKS = (*VALIDATION_REMARKS, *TEST_REMARKS)
REVIEWS = (*VALIDATION_REVIEWS, *TEST_REVIEWS, *PARAPHRASE_SENTENCES)
