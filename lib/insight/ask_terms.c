/* ask_terms.c - what words mean: the store's own names and values, the usual other words for them, and the words of the grammar. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "insight/ask_priv.h"
#include "query/token.h"
#include "store/batch.h"

#define LOOKED_AT 8192                  /* events from which values are learnt, the newest of the tail and of each chunk: 0.9 and 0.3 us a row */
#define LOOKED_IN 2                     /* so many chunks, for which the tail counts where it is that long */
#define VALUES_SEEN 4000                /* of a field, of which the most frequent are kept */
#define IDS_SEEN 50                     /* user ids that show how they are written */
#define VALUE_BYTES 80                  /* of a value that words can name */

/* ---- the words of the grammar; articles inside a phrase are passed over */

static const struct { enum ask_is is; int arg; const char *phrases; } grammar[] = {
	{ ASK_WE, 0, "we|our|us|ours" },
	{ ASK_IN, 0, "in|on|for|inside|around|across|amongst" },
	{ ASK_OF, 0, "of|among|out of" },
	{ ASK_FROM, 0, "from|frm|between" },
	{ ASK_TO, 0, "to|into|until|->" },
	{ ASK_THEN, 0, "then|and then|later|afterwards|after that|go on to|went on to|follow by|subsequently|lead to|led to|end in|"
	    "ended in|result in|turn into|reach|proceed to|continue to|progress to|make it to|made it to" },
	{ ASK_WITH, 0, "with|had|have|has|having|contain|include|involve|saw|fail with|end with|return with|respond with|answer with|finish with|come back with|came back with" },
	{ ASK_WITHOUT, 0, "without|with no|have no|had no|lack|without any|no" },
	{ ASK_NOT, 0, "not|never|none|didnt|dont|did not|do not|but not|and not|except|except for|exclude|other than|outside|outside of|"
	    "non|neither|nor|besides|apart from|ignore|leave out|not counting|minus" },
	{ ASK_THAT, 0, "who|that|which also" },
	{ ASK_ALSO, 0, "also|as well|again too|both of them" },
	{ ASK_BOTH, 0, "both|either" },
	{ ASK_AND, 0, "and|n|but|plus|as well as|along with|together with" },
	{ ASK_OR, 0, "or" },
	{ ASK_BY, 0, "by|for each|for every|broken down by|break down by|break down|break it down by|group by|split by|segment by|"
	    "per each|in each|on each|of each|each|every|from each|by each|grouped on|sliced by|slice by|"
	    "breakdown by|distribution by|distribution over|across all|for all|segmented on|separately for|separate by|depending on|"
	    "as a function of|w.r.t|with respect to|according to|vary by|differ by" },
	{ ASK_PER, 0, "per|a piece per|for one|in one" },
	{ ASK_HOW_MANY, 0, "how many|number of|count|count of|hw many|howmany|total number of|total count of|no of|amount of|tally|"
	    "volume of|how big is number of|counts|quantity of|number|num|num of|nr of|nr" },
	{ ASK_HOW_MANY, 1, "how often|how frequently|how many times|number of times|times" },
	{ ASK_HOW_MUCH, 0, "how much|hw much|howmuch" },
	{ ASK_HOW_LONG, 0, "how long|how much time" },
	{ ASK_HOW_IS, 0, "how is|how are|how was|how were|how did|how do|how does|how has|how have|how|hows" },
	{ ASK_WHICH, 0, "which|what|what's|whats|wat|wht|which of|what are|what is|what were|what was|which one|which ones|what kind of|"
	    "which type of|wots|wuts|wut|wot" },
	{ ASK_WHO, 0, "who|whom|who is|who are|whos" },
	{ ASK_WHEN, 0, "when|at what time|what time|since when" },
	{ ASK_WHERE, 0, "where|from where|where from" },
	{ ASK_TOP, 0, "top|leading|the first few" },
	{ ASK_BOTTOM, 0, "bottom|last ranked|tail" },
	{ ASK_MOST, 0, "most|highest|greatest|maximum number of|max number of|more than any other|above all|strongest|peak|busiest|busy|"
	    "major|dominant|primary|main" },
	{ ASK_MOST, 1, "longest|slowest" },
	{ ASK_MOST, 5, "largest|biggest|largest single|biggest single|highest single" },
	{ ASK_MOST, 2, "most popular|most common|most frequent|most frequently|most often|most used|most commonly|popular|common|"
	    "commonest|mostly|mainly|favorite|favourite|most widely|preferred|commonly|frequently|most heavily" },
	{ ASK_MOST, 3, "priciest|most expensive|dearest|most valuable|highest value|highest spending|biggest spending|highest paying" },
	{ ASK_MOST, 4, "most visited|most viewed|most seen|most looked at" },
	{ ASK_LEAST, 0, "least|fewest|lowest|fewer than any other|weakest|minimum number of|quietest|slowest day|rarest" },
	{ ASK_LEAST, 5, "smallest|tiniest|smallest single" },
	{ ASK_LEAST, 1, "shortest|fastest|quickest" },
	{ ASK_LEAST, 2, "least popular|least common|least frequent|least used|rarest|least often|unpopular|least commonly|least frequently" },
	{ ASK_LEAST, 3, "cheapest|least expensive|lowest value|least valuable" },
	{ ASK_LEAST, 4, "least visited|least viewed" },
	{ ASK_BEST, 1, "best|best performing|top performing|most important|strongest performing|most successful|most effective|good|"
	    "better|performing well|successful" },
	{ ASK_BEST, -1, "worst|worst performing|least important|bad|worse|poorest|underperforming|weak|poor" },
	{ ASK_USED, 0, "use|used|using|prefer|choose|visit us with" },
	{ ASK_RANKED, 1, "ranked by|most first|highest first|largest first|biggest first|descending order|rank by|sort by|sorted by|"
	    "ranked|ranking|ranking of|rank|sorted|leaderboard|leaderboard of|descending|in order of|in terms of|measured by|ordered by|"
	    "judged by|according to number of|high to low" },
	{ ASK_RANKED, -1, "ascending|in ascending order|low to high" },
	{ ASK_VERSUS, 0, "versus|vs|v|against|as opposed to|or rather" },
	{ ASK_COMPARE, 0, "compare|comparison|comparison of|comparing|difference between|differ|difference|difference in|compare to|"
	    "compared to|compared with|in comparison to|in comparison with|relative to|stack up against|side by side|contrast" },
	{ ASK_THAN, 0, "than" },
	{ ASK_COMPARATIVE, 0, "more|fewer|less|higher|lower|greater|larger|smaller|bigger|longer|shorter" },
	{ ASK_CHANGE, 0, "grow|grew|grown|growth|growth of|growth rate|growth in|change|change in|changed|increase|increase in|"
	    "rise|rose|risen|go up|went up|gone up|up or down|"
	    "up|improve|gain|gained|percentage change|percent change|percentage change in|"
	    "relative change|pct change|increasing|improvement|percent increase|percentage increase|"
	    "percentage growth|percent growth" },
	{ ASK_CHANGE, -1, "decrease|decrease in|fall|fell|fallen|go down|went down|gone down|drop in|decline|decline in|shrink|shrank|"
	    "decreasing|dropped|drop|lose|lost|losing|loss of|percent decrease|percentage decrease" },
	{ ASK_TREND, 0, "trend|trend of|trend in|trend for|over time|develop|development|development of|evolve|evolution of|evolution|"
	    "timeline|timeline of|time series|time series of|history of|history|day by day|progress|trending|trended|by time|curve|"
	    "curve of" },
	{ ASK_PREVIOUS, 0, "the period before|previous period|period before|prior period|before that|week before|day before|month before|"
	    "week before that|day before that|month before that|preceding period|prior week|prior day|prior month|"
	    "preceding week|preceding month|preceding day|week prior|month prior|day prior|same period before|previously|before|"
	    "one before|previous one|year before|hour before" },
	{ ASK_PREVIOUS, 4, "same period|same time|same time frame|same timeframe|same point|same point in time|same part|same days" },
	{ ASK_PREVIOUS, 1, "day over day|day on day|dod" },
	{ ASK_PREVIOUS, 2, "week over week|week on week|wow|week to week" },
	{ ASK_PREVIOUS, 3, "month over month|month on month|mom|month to month" },
	{ ASK_CONVERSION, 0, "conversion rate|conversion|convert|conversion ratio|conversions|cr|conv rate|converting|"
	    "conversion percentage|conversion rate of|converted" },
	{ ASK_SHARE, 0, "share|share of|percentage|percentage of|percent|percent of|proportion|proportion of|fraction|fraction of|pct|"
	    "pct of|part of|portion of|what part of|how big is share of" },
	{ ASK_RATE, 0, "rate|ratio|ratio of|rate of" },
	{ ASK_FUNNEL, 0, "funnel|funnel of|conversion funnel|funnel from" },
	{ ASK_RETENTION, 0, "retention|retention rate|retained" },
	{ ASK_BOUNCE, 0, "bounce rate|bounce|bounced" },
	{ ASK_DROP, 0, "drop off|dropoff|drop off rate|dropped off|abandon|abandonment|abandonment rate|abandoned|abandon rate" },
	{ ASK_UNIQUE, 0, "unique|distinct|different|individual|uniq|separate" },
	{ ASK_AGG, ASK_AVG, "average|avg|mean|on average|typical|average number of|average amount of|mean number of|typically|averaged|"
	    "avg number of|averge|avrg" },
	{ ASK_AGG, ASK_SUM, "sum|sum of|total|tot|total amount of|total value of|sum up|combined|cumulative|aggregate|grand total|"
	    "grand total of|summed" },
	{ ASK_AGG, ASK_MEDIAN, "median|50th percentile|middle" },
	{ ASK_AGG, ASK_MAX, "maximum|max" },
	{ ASK_AGG, ASK_MIN, "minimum|min" },
	{ ASK_AGG, ASK_QUANTILE, "percentile|quantile" },
	{ ASK_ORDER_VALUE, 0, "order value|order val|avg order val|basket size|basket value|cart value|ticket size|purchase value|"
	    "purchase amount|order amount|order size|purchase size|aov|transaction value|sale value|sale amount|purchase price|"
	    "basket amount|"
	    "value of order|value of purchase|value per order|order total|purchase total|order volume in|transaction amount|"
	    "transaction size|value of sale|amount per order|amount per purchase|spend per order" },
	{ ASK_MONEY, 0, "revenue|turnover|income|earnings|sales revenue|money|earn|earned|proceeds|takings|gmv|sales value|"
	    "sales in dollars|rev|cash|take in|took in|make in sales|sell|revenu|sales volume|gross revenue|total sales value|"
	    "dollar value" },
	{ ASK_SPEND, 0, "spend|spent|spending|paid|pay|spender|spenders|biggest spenders" },
	{ ASK_LENGTH, 0, "session length|session duration|length of session|duration of session|visit duration|visit length|"
	    "length of visit|duration of visit|time per session|time on site|session time" },
	{ ASK_LENGTH, 1, "time on page|time spent|time spend|view time|viewing time|dwell time|reading time|view duration|stay|duration|"
	    "time spent on page|length of view|page duration|time on|linger|spend time|spent time" },
	{ ASK_LENGTH, 2, "time" },
	{ ASK_USERS, 0, "user|visitor|people|person|ppl|ppls|peeps|member|folk|audience|human|user id|unique|uniques|usr|usrs|guy|"
	    "everyone|client|surfer|user count|users count|persons|somebody|anyone|anybody|someone" },
	{ ASK_BUYERS, 0, "buyer|customer|shopper|purchaser|paying user|paying customer|paying visitor|payer" },
	{ ASK_SESSIONS, 0, "session|session id|visit count" },
	{ ASK_VISIT, 0, "visit|visiting|visited|visits" },
	{ ASK_ALL_EVENTS, 0, "event|action|activity|interaction|row|hit count|type|event name|type of event|kind of event" },
	{ ASK_TRAFFIC, 0, "traffic|web traffic|site traffic|website traffic|trafic" },
	{ ASK_ACTIVE, 0, "active|engaged" },
	{ ASK_NEW, 0, "new|newly" },
	{ ASK_RETURNING, 0, "returning|repeat|recurring|came back more than once" },
	{ ASK_ANY, 1, "come back|came back|return|returned|come again|came again|reappear" },
	{ ASK_ANY, 0, "browse|browsed|were active|was active|are active|"
	    "be active|active in|do something|did something|did anything|do anything|interact|were here|use site|used site|use app|"
	    "used app|show up|showed up|drop by" },
	{ ASK_TIMES, 2, "more than once|at least twice|multiple times|repeatedly|several times|two times or more|again and again|"
	    "more than one time" },
	{ ASK_TIMES, 1, "at least once" },
	{ ASK_TIMES, -1, "exactly once|only once|once|just once" },
	{ ASK_TIMES, -2, "twice|exactly twice" },
	{ ASK_OVER, ASK_GT, "more than|over|above|greater than|longer than|exceed|higher than|larger than|bigger than|in excess of|gt|"
	    "worth more than|upwards of|beyond|slower than|of more than|of over" },
	{ ASK_OVER, ASK_GE, "at least|no fewer than|no less than|not less than|minimum of|gte|from at least|a minimum of" },
	{ ASK_OVER, ASK_LT, "less than|fewer than|under|below|smaller than|shorter than|lower than|lt|worth less than|cheaper than|"
	    "faster than|not even" },
	{ ASK_OVER, ASK_LE, "at most|no more than|not more than|up to|lte|maximum of" },
	{ ASK_OVER, ASK_EQ, "exactly equal to|equal to|equals|exactly" },
	{ ASK_OR_MORE, ASK_GE, "or more|and more|or above|or over|or longer|or higher|plus more" },
	{ ASK_OR_MORE, ASK_LE, "or less|or fewer|or below|or under" },
	{ ASK_DURATION_UNIT, 1, "ms|millisecond|msec" },
	{ ASK_DURATION_UNIT, 1000, "second|sec|secs" },
	{ ASK_PLAIN_UNIT, 0, "degree|degree celsius|degrees celsius|celsius" },
	{ ASK_MONEY_UNIT, 0, "dollar|buck|usd|euro|eur|pound|gbp|chf" },
	{ ASK_EVERY, 0, "minutely|by minute|by the minute|per minute|each minute|every minute|minute by minute" },
	{ ASK_EVERY, 1, "hourly|by hour|by the hour|per hour|each hour|every hour|hour by hour|for each hour|for every hour|hrly|an hour|"
	    "in each hour" },
	{ ASK_EVERY, 2, "daily|by day|by date|per day|each day|every day|day by day|for each day|for every day|day to day|a day|per date|"
	    "each date|in each day|on each day|by calendar day|day wise|day on day by day|per calendar day" },
	{ ASK_EVERY, 3, "weekly|by week|per week|each week|every week|week by week|for each week|for every week|a week|by calendar week" },
	{ ASK_EVERY, 4, "monthly|by month|per month|each month|every month|month by month|for each month|for every month|a month|"
	    "by calendar month" },
	{ ASK_EVERY, 6, "yearly|by year|per year|each year|annually" },
	{ ASK_UNIT, 0, "minute" },
	{ ASK_UNIT, 1, "hour" },
	{ ASK_UNIT, 2, "day|date|calendar day" },
	{ ASK_UNIT, 3, "week|calendar week" },
	{ ASK_UNIT, 4, "month|calendar month" },
	{ ASK_PART, 1, "hour of day|by hour of day|time of day|per hour of day|what time of day|hour in day|hours of day|by time of day|"
	    "each hour of day" },
	{ ASK_PART, 2, "day of week|weekday|by weekday|by day of week|per weekday|per day of week|days of week|which weekday|week day|"
	    "each weekday|each day of week|every day of week" },
	{ ASK_PART, 3, "weekend|on weekends|at weekend|on weekend" },
	{ ASK_PART, 4, "on weekdays|working day|business day|workday|on working days|during week|on business days" },
	{ ASK_PART, 5, "in mornings|in morning|every morning|morning" },
	{ ASK_PART, 6, "in afternoons|in afternoon|afternoon" },
	{ ASK_PART, 7, "in evenings|in evening|evening" },
	{ ASK_PART, 8, "at night|at nights|overnight" },
	{ ASK_PART, 10, "on sundays|every sunday|sundays" },
	{ ASK_PART, 11, "on mondays|every monday|mondays" },
	{ ASK_PART, 12, "on tuesdays|every tuesday|tuesdays" },
	{ ASK_PART, 13, "on wednesdays|every wednesday|wednesdays" },
	{ ASK_PART, 14, "on thursdays|every thursday|thursdays" },
	{ ASK_PART, 15, "on fridays|every friday|fridays" },
	{ ASK_PART, 16, "on saturdays|every saturday|saturdays" },
	{ ASK_FIRST, 0, "first|earliest|oldest" },
	{ ASK_LAST, 0, "last|latest|most recent|newest" },
	{ ASK_NOW, 0, "now|right now|rn|currently|at the moment|at moment|at present|online|live" },
	/* phrases of known words that name something else */
	{ ASK_UNKNOWN, 0, "sales people|sales person|sales team|page rank|page speed|open rate|phone number|phone call|phone order|"
	    "time zone|user agent|market share|store visit|name" },
	{ ASK_WHY, 0, "why|how come|reason|cause|because|what cause|what caused|explain|root cause" },
	{ ASK_FUTURE, 0, "will|tomorrow|forecast|predict|prediction|expect|expected|projection|project|next|future|going to|upcoming|"
	    "likely|estimate for next|anticipate|shall" },
	{ ASK_WRITE, 0, "delete|remove|update|insert|create|alter|truncate|rename|erase|purge|wipe|set|add new|edit|modify|clear|reset|"
	    "write|send|email|mail|export|import|upload|download|grant|revoke|block|ban|refund|cancel|notify|invite|drop table|destroy|"
	    "merge|move|deploy|turn off|turn on|disable|enable|schedule|replace" },
	{ ASK_OPINION, 0, "should|recommend|advice|advise|opinion|think|feel|believe|suggest|suggestion|happy|unhappy|satisfied|love|hate|"
	    "feel about|good idea" },
	{ ASK_NOTHING, 0, "so far|far|ever|started|began|begun|of all time|all time|to date|until now|historically|r|doing|performing|"
	    "name|enumerate|created|were created|da|tha|thx|u|ur|lemme|aint|yo|dude|bro|fam|teh|"
	    "sup with|distributed|spread|divided|a|an|the|our|we|us|my|i|you|your|he|she|it|its|they|them|their|there|here|these|those|"
	    "this|please|plz|pls|thanks|thank you|hi|hello|hey|so|"
	    "is|are|am|was|were|be|been|being|do|does|did|done|has|have|had|having|can|could|would|get|got|getting|gotten|give|gave|show|"
	    "tell|list|display|find|fetch|"
	    "see|saw|seen|look|want|need|know|like to know|let|me|gimme|wanna|what about|in total|total number of|altogether|overall|all|"
	    "any|some|every one|happen|occur|"
	    "record|receive|register in|take place|place|perform|exact|exactly|approximately|roughly|just|only|actually|really|even|still|yet|"
	    "website|web site|site|webpage|app|application|shop|store|web shop|online shop|data|"
	    "dataset|number|figure|stat|statistic|"
	    "info|information|report|result|list of|overview|breakdown|split|distribution|detail|value|amount|level|kind of|type of|"
	    "sort of|kind|sort|something|anything|thing|stuff|"
	    "item|things|each one|make|made|making|bring|brought|bringing|brings in|generate|drive|drove|driven|produce|yield|deliver|"
	    "contribute|account|come|came|coming|"
	    "arrive|originate|land|go|went|gone|going|happened|end up|each other|one|ones|as|if|then what|ok|okay|well|um|uh|hmm|quick|"
	    "quickly|question|wondering|"
	    "curious|table|as a table|chart|graph|plot|single|given|respectively|compute|calculate|determine|say|said|within|throughout|"
	    "during|at|on average number|"
	    "people's|etc|too|that|much|many|lot|lots|time|total count of|into|onto|via|through|using|while|when it comes to|regard|"
	    "regarding|whole|entire|various|"
	    "respect|be able|perhaps|maybe|kindly|first of all|basically|during the|out|down|off|along|be there|been there|its own|"
	    "everybody|everyone's|id|s|re|ve|d|m|t|trigger|fire|take|took|taking|taken|"
	    "in percent|in percentage|about|but then|by the way|kindly give|number of them|back" },
};

static const char *const plain_words[] = {              /* near to words of the grammar, and not them */
	"older", "younger", "county", "tables", "brand", "bland", "weather", "whether", "sails", "vines", "court", "mount", "mouth",
	    "wages", "stock", "story", "state", "states",
	"status", "score", "shape", "shade", "shirt", "shoes", "other", "border", "series", "versions", "version", "mission", "passion",
	    "torso", "money", "monkey", "house", "hours", "horse",
	"deal", "deals", "dates", "rates", "grade", "trade", "trades", "trust", "thing", "think", "third", "visa", "vision", "views",
	    "news", "never", "lever", "level", "model", "motel",
	"person", "prison", "reason", "season", "lesson", "event", "invent", "cents", "costs", "coast", "boats", "cats", "carts", "cards",
	    "card", "charts", "parts", "pages", "paper",
	"paged", "device", "advice", "office", "price", "prices", "prize", "trial", "trail", "train", "rain", "gain", "sold", "solid",
	    "salary", "salaries", "search", "research", "march",
	"speed", "spend", "source", "course", "force", "sauce", "login", "logic", "logs", "blogs", "users", "uses", "loser", "purse",
	    "nurse", "sessions", "lessons", "order", "minutes", "minute",
	"mobile", "noble", "table", "tablet", "cable", "stable", "product", "produce", "check", "checks", "chess", "direct", "district",
	    "store", "stores", "stone", "count", "mean", "means",
	"media", "medium", "median", "total", "tool", "tools", "town", "towns", "city", "cities", "gender", "sender", "render", "email",
	    "emails", "phone", "phones", "close", "closed",
};

static const struct { const char *code, *names; } countries[] = {
	{ "US", "united states|usa|america|american|us|states|the states|u s|united states of america" }, { "DE", "germany|german|"
	    "deutschland" }, { "GB", "united kingdom|uk|britain|british|great britain|brit|england" },
	{ "FR", "france|french" }, { "IN", "india|indian" }, { "BR", "brazil|brazilian|brasil" }, { "CA", "canada|"
	    "canadian" }, { "JP", "japan|japanese" }, { "CN", "china|chinese" },
	{ "IT", "italy|italian" }, { "ES", "spain|spanish" }, { "PT", "portugal|portuguese" }, { "NL", "netherlands|dutch|"
	    "holland" }, { "BE", "belgium|belgian" }, { "CH", "switzerland|swiss" },
	{ "AT", "austria|austrian" }, { "SE", "sweden|swedish" }, { "NO", "norway|norwegian" }, { "DK", "denmark|danish" },
	    { "FI", "finland|finnish" }, { "PL", "poland|polish" },
	{ "CZ", "czech republic|czechia|czech" }, { "IE", "ireland|irish" }, { "MX", "mexico|mexican" }, { "AR", "argentina|"
	    "argentinian" }, { "CL", "chile|chilean" }, { "CO", "colombia|colombian" },
	{ "AU", "australia|australian" }, { "NZ", "new zealand" }, { "ZA", "south africa|south african" }, { "RU", "russia|russian" },
	    { "UA", "ukraine|ukrainian" }, { "TR", "turkey|turkish" },
	{ "GR", "greece|greek" }, { "IL", "israel|israeli" }, { "AE", "united arab emirates|emirates" }, { "SA", "saudi arabia|saudi" },
	    { "EG", "egypt|egyptian" }, { "NG", "nigeria|nigerian" },
	{ "KE", "kenya|kenyan" }, { "KR", "south korea|korea|korean" }, { "SG", "singapore" }, { "ID", "indonesia|indonesian" },
	    { "TH", "thailand|thai" }, { "VN", "vietnam|vietnamese" },
	{ "PH", "philippines|filipino" }, { "MY", "malaysia|malaysian" }, { "PK", "pakistan|pakistani" }, { "BD", "bangladesh" },
	    { "HU", "hungary|hungarian" }, { "RO", "romania|romanian" },
};

static const struct { const char *value, *names; } value_words[] = {
	{ "mobile", "mob|phone|smartphone|mobile phone|cell phone|cellphone|handset|mobiles" }, { "desktop", "computer|pc|laptop|"
	    "desktop computer|desktops" }, { "tablet", "ipad|tablets" },
	{ "facebook", "fb" }, { "instagram", "insta" }, { "twitter", "tweet" }, { "google", "google search|goog" }, { "email", "mail" },
	    { "newsletter", "news letter|mailing list" }, { "firefox", "mozilla|ff" },
};

/* What an event is, by the words of its name, and what else it is called. The first of `names` that the store has plays the part. */
enum part { PART_NONE, PART_PURCHASE, PART_VIEW };
static const struct { enum part part; const char *names, *nouns, *verbs; } kinds[] = {
	{ PART_PURCHASE, "purchase|order completed|purchase completed|order|checkout completed|payment|sale|transaction|buy|order placed|"
	    "order paid|order confirmed|order created|order submitted|purchased|bought", "purchase|order|sale|transaction|sale event|purchase event|buying",
	    "buy|bought|purchased|ordered|paid|place order|placed order|make purchase|made purchase|complete purchase|completed purchase|"
	    "buys something|complete order|shop|shopped|made order|place an order|sold|sell" },
	{ PART_VIEW, "page view|pageview|screen view|view|page viewed|viewed page|screen viewed|page visited", "page view|pageview|view|page hit|page impression|impression|hit|pv|"
	    "pages views",
	    "viewed|view page|viewed page|look at|looked at|read|see page|saw page" },
	{ PART_NONE, "signup|sign up|user signup|signup complete|signup completed|registration|user registered|registered|account created|"
	    "register|signed up|user signed up|account registered", "signup|sign up|registration|new user|new account|new sign up|new registration|account creation|new member|"
	    "subscription to site",
	    "signed up|register|registered|sign up|signs up|join|joined|create account|created account|open account|opened account|enroll|"
	    "enrolled" },
	{ PART_NONE, "login|log in|user login|sign in|session login|logged in|user logged in|signed in|user signed in", "login|log in|logon|sign in|log on|login event", "logged in|log in|"
	    "logs in|signed in|sign in|logged on" },
	{ PART_NONE, "search|search query|site search", "search|search query|searching|site search|on site search", "searched|search|"
	    "looked for|look for|search for|searched for|run search|ran search|used search|use search|searching for" },
	{ PART_NONE, "add to cart|added to cart|cart add|add to basket|product added|item added|item added to cart|product added to cart|cart item added", "add to cart|cart addition|cart add|"
	    "basket addition|atc|add to carts|product added to cart|items added to cart|add to basket|added to cart|cart|basket",
	    "add to cart|added to cart|add to basket|added to basket|put in cart|put into cart|put in basket|add product to cart|"
	    "added product to cart|add products to cart|added products to cart|fill cart|filled cart" },
	{ PART_NONE, "checkout|begin checkout|checkout started|start checkout|initiate checkout", "checkout|check out|checkout start|"
	    "started checkout|begun checkout|checkout event", "checked out|check out|start checkout|started checkout|begin checkout|"
	    "began checkout|go to checkout|went to checkout|reached checkout|reach checkout|got to checkout|get to checkout|"
	    "enter checkout|entered checkout|proceed to checkout|initiate checkout" },
};

static const struct { const char *words, *names; } field_words[] = {
	{ "country", "country|cntry|ctry|nation|nationality|location|geography|geo|geo location|country of origin" },
	{ "source", "source|channel|traffic source|acquisition channel|acquisition source|marketing channel|referrer|referral source|"
	    "referer|traffic channel|utm source|origin|source of traffic|sources of traffic" },
	{ "page", "page|url|path|web page|webpage|site page|page path|screen" },
	{ "device", "device|device type|platform type|hardware|type of device|kind of device|device category|device kind|device class" },
	{ "browser", "browser|web browser|browser type|browser name" },
	{ "campaign", "campaign|marketing campaign|ad campaign|utm campaign|campaign name|advertising campaign|promo campaign" },
	{ "city", "city|town" }, { "language", "language|locale" }, { "plan", "plan|tier|subscription plan|pricing plan" },
	{ "os", "os|operating system" }, { "category", "category|product category" },
};

/* ---- filling the map */

static int
key_of(struct arena *arena, struct str phrase, char *key, size_t most)         /* words of it; stems with blanks between */
{
	struct str rest = phrase, word;
	size_t n = 0;
	int words = 0;

	while (str_cut(&rest, ' ', &word)) {
		struct str stem;

		if (!word.n)
			continue;
		stem = ask_stem(arena, word);
		if (n + stem.n + 2 > most)
			return 0;
		if (n)
			key[n++] = ' ';
		memcpy(key + n, stem.p, stem.n);
		n += stem.n;
		words++;
	}
	key[n] = 0;
	return words;
}

#define STORED 3                        /* a sense's part: a stored metric */

/* What is of the store comes in front of what is of the grammar; a value behind it. */
static int
weight(const struct ask_sense *s)
{
	if (s->is == ASK_FIELD && s->part == STORED)
		return 0;               /* what events tell is meant first */
	return s->is == ASK_METRIC ? 5 : s->is == ASK_EVENT ? s->part == 1 ? 3 : 4 : s->is == ASK_FIELD && !s->value.p ? 3 : s->is == ASK_VALUE ? 1 : s->is == ASK_FIELD ? 2 : 2;
}

static void
teach(struct ask *ask, struct str phrase, struct ask_sense sense)
{
	char key[200];
	int words = key_of(ask->arena, phrase, key, sizeof(key));
	struct ask_sense *s, **at;
	struct map_entry *e;

	if (!words || words > 8)
		return;
	if (words > 1 && (sense.is == ASK_EVENT || sense.is == ASK_FIELD || sense.is == ASK_METRIC))
		for (struct str rest = str_of(key), one; str_cut(&rest, ' ', &one); )
			map_put(&ask->words, one, NULL);
	e = map_put(&ask->phrases, str_of(key), NULL);
	for (s = e->ptr; s; s = s->next)        /* said already */
		if (s->is == sense.is && s->arg == sense.arg && (s->is != ASK_VALUE || str_eq(s->value, sense.value)))
			return;
	s = arena_get(ask->arena, sizeof(*s));
	if (!s)
		return;
	*s = sense;
	for (at = (struct ask_sense **)&e->ptr; *at && weight(*at) >= weight(s); at = &(*at)->next)
		;
	s->next = *at;
	*at = s;
	ask->longest = words > ask->longest ? words : ask->longest;
}

static void
teach_all(struct ask *ask, const char *phrases, struct ask_sense sense)
{
	struct str rest = str_of(phrases), one;

	while (str_cut(&rest, '|', &one))
		teach(ask, one, sense);
}

/* "order_completed", "orderCompleted", "Order Completed" as words. */
static struct str
spoken(struct arena *arena, struct str name)
{
	struct buf b = { 0 };
	struct str out;

	for (size_t i = 0; i < name.n && i < VALUE_BYTES; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (isupper(c) && i && islower((unsigned char)name.p[i - 1]))
			buf_byte(&b, ' ');
		if (isalnum(c) || c >= 0x80)
			buf_byte(&b, (char)tolower(c));
		else if (b.n && b.p[b.n - 1] != ' ')
			buf_byte(&b, ' ');
	}
	while (b.n && b.p[b.n - 1] == ' ')
		b.n--;
	out = (struct str){ arena_dup(arena, b.n ? b.p : "", b.n), b.n };
	buf_release(&b);
	return out.p ? out : STR("");
}

static int
has_phrase(const char *phrases, struct str one)
{
	struct str rest = str_of(phrases), piece;
	int k = 0;

	while (str_cut(&rest, '|', &piece)) {
		k++;
		if (str_eq(piece, one))
			return k;
	}
	return 0;
}

/* ---- events */

static int
add_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	struct ask *ask = self;
	int i = ask->n_events;

	(void)first, (void)last;
	if (count < 1)
		return 0;
	if (i == ASK_EVENTS) {          /* the rarest goes */
		for (int k = i = 0; k < ASK_EVENTS; k++)
			if (ask->event[k].count < ask->event[i].count)
				i = k;
		if (ask->event[i].count >= count)
			return 0;
	} else {
		ask->n_events++;
	}
	ask->event[i] = (struct ask_event){ { arena_dup(ask->arena, name.p, name.n), name.n }, count };
	return 0;
}

static int
is_participle(struct str w)
{
	return (w.n > 3 && memcmp(w.p + w.n - 2, "ed", 2) == 0) ||
	    has_phrase("paid|sent|made|seen|left|lost|won|sold|built|begun|done|read|shown|taken|given|run|met|set|put|hit|cut|split|bought|found|held|kept|written|chosen", w);
}

/* What was done, as a noun: completion of completed. By the common endings, and by a list. 1 or 0. */
static int
noun_of(struct arena *arena, struct str participle, struct str *noun)
{
	static const struct { const char *participle, *noun; } list[] = { { "cancelled", "cancellation" }, { "canceled", "cancellation" }, { "registered", "registration" },
		{ "submitted", "submission" }, { "delivered", "delivery" }, { "subscribed", "subscription" }, { "renewed", "renewal" }, { "approved", "approval" },
		{ "shipped", "shipment" }, { "paid", "payment" }, { "placed", "placement" }, { "installed", "installation" }, { "confirmed", "confirmation" },
		{ "invited", "invitation" }, { "expired", "expiry" }, { "failed", "failure" }, { "resolved", "resolution" }, { "reserved", "reservation" },
		{ "admitted", "admission" }, { "completed", "completion" }, { "deleted", "deletion" }, { "enrolled", "enrolment" }, { "removed", "removal" },
		{ "received", "receipt" }, { "recovered", "recovery" }, { "rejected", "rejection" }, { "inspected", "inspection" }, { "adopted", "adoption" },
		{ "consumed", "consumption" }, { "used", "usage" }, { "departed", "departure" }, { "arrived", "arrival" }, { "attempted", "attempt" } };
	static const struct { const char *end, *instead; } endings[] = { { "ated", "ation" }, { "uted", "ution" }, { "ified", "ification" }, { "ected", "ection" } };
	char text[VALUE_BYTES + 8];

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (str_eq(participle, str_of(list[i].participle))) {
			*noun = str_of(list[i].noun);
			return 1;
		}
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t n = strlen(endings[i].end);

		if (participle.n <= n + 1 || participle.n > VALUE_BYTES || memcmp(participle.p + participle.n - n, endings[i].end, n))
			continue;
		snprintf(text, sizeof(text), "%.*s%s", (int)(participle.n - n), participle.p, endings[i].instead);
		*noun = (struct str){ arena_dup(arena, text, strlen(text)), strlen(text) };
		return noun->p != NULL;
	}
	return 0;
}

/* Is that what some event is called as a noun: delivery, of order_delivered? */
static int
is_noun_of_event(struct ask *ask, struct str word)
{
	for (int i = 0; i < ask->n_events; i++) {
		struct str rest = spoken(ask->arena, ask->event[i].name), one, noun;

		while (str_cut(&rest, ' ', &one))
			if (is_participle(one) && noun_of(ask->arena, one, &noun) && str_eq(noun, word))
				return 1;
	}
	return 0;
}

static void
teach_failed(struct ask *ask, struct str what, struct ask_sense sense)
{
	static const char *const spellings[][2] = { { "login", "log in" }, { "signup", "sign up" }, { "signin", "sign in" }, { "checkout", "check out" }, { "logout", "log out" } };
	struct buf b = { 0 };

	buf_printf(&b, "failed to %.*s", STR_FMT(what));
	teach(ask, buf_get(&b), sense);
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++)
		if (str_eq(what, str_of(spellings[i][0]))) {
			buf_clear(&b);
			buf_printf(&b, "failed to %s", spellings[i][1]);
			teach(ask, buf_get(&b), sense);
		}
	buf_release(&b);
}

static void
teach_event(struct ask *ask, int i)
{
	struct ask_sense noun = { .is = ASK_EVENT, .arg = i }, verb = { .is = ASK_EVENT, .arg = i, .verb = 1 };
	struct str words = spoken(ask->arena, ask->event[i].name), first, rest = words, last;
	struct buf b = { 0 };

	teach(ask, words, noun);
	if (is_participle(words) && !memchr(words.p, ' ', words.n) && noun_of(ask->arena, words, &last)) {        /* registered: registrations */
		teach(ask, last, noun);
		teach(ask, words, verb);
	}
	for (size_t k = 0; k < words.n; k++)
		if (words.p[k] != ' ')
			buf_byte(&b, words.p[k]);
	teach(ask, buf_get(&b), noun);
	if (str_cut(&rest, ' ', &first) && rest.p && rest.n && !memchr(rest.p, ' ', rest.n)) {          /* video_played: played a video */
		last = rest;
		buf_clear(&b);
		buf_str(&b, last);
		buf_byte(&b, ' ');
		buf_str(&b, first);
		if (str_eq(last, STR("failed")) || str_eq(last, STR("fail")))           /* failed to log in */
			teach_failed(ask, first, verb);
		verb.part = is_participle(last) ? 2 : 0;
		teach(ask, buf_get(&b), verb);
		if (verb.part && noun_of(ask->arena, last, &last)) {    /* order cancellation, cancellation of orders */
			for (int turned = 0; turned < 2; turned++) {
				buf_clear(&b);
				buf_str(&b, turned ? last : first);
				buf_lit(&b, turned ? " of " : " ");
				buf_str(&b, turned ? first : last);
				noun.part = 2;
				teach(ask, buf_get(&b), noun);
			}
		}
	}
	buf_release(&b);
}

/* The names of a kind go to its best event: the one that stands first in the list of names. */
static void
teach_kind(struct ask *ask, size_t k)
{
	int best = -1, at = 0;

	for (int i = 0; i < ask->n_events; i++) {
		int place = has_phrase(kinds[k].names, spoken(ask->arena, ask->event[i].name));

		if (place && (best < 0 || place < at))
			best = i, at = place;
	}
	if (best < 0)
		return;
	if (kinds[k].part == PART_PURCHASE)
		ask->purchase = best;
	if (kinds[k].part == PART_VIEW)
		ask->view = best;
	teach_all(ask, kinds[k].nouns, (struct ask_sense){ .is = ASK_EVENT, .arg = best });
	teach_all(ask, kinds[k].verbs, (struct ask_sense){ .is = ASK_EVENT, .arg = best, .verb = 1 });
}

/* ---- fields */

static int
has_word(struct str words, const char *wanted)
{
	struct str rest = words, one;

	while (str_cut(&rest, ' ', &one))
		if (has_phrase(wanted, one))
			return 1;
	return 0;
}

static void
quote_name(struct buf *b, struct str name)
{
	int plain = name.n > 0 && !isdigit((unsigned char)name.p[0]);

	for (size_t i = 0; i < name.n; i++)
		plain &= isalnum((unsigned char)name.p[i]) || name.p[i] == '_';
	if (plain && !token_reserved(name)) {
		buf_str(b, name);
		return;
	}
	buf_byte(b, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			buf_byte(b, '"');
		buf_byte(b, name.p[i]);
	}
	buf_byte(b, '"');
}

int
ask_add_field(struct ask *ask, struct str name)
{
	struct ask_field *f = &ask->field[ask->n_fields];
	struct buf b = { 0 };

	if (ask->n_fields == ASK_FIELDS)
		return -1;
	quote_name(&b, name);
	*f = (struct ask_field){ .name = { arena_dup(ask->arena, name.p, name.n), name.n }, .sql = { arena_dup(ask->arena, b.p, b.n), b.n } };
	buf_release(&b);
	return f->name.p && f->sql.p ? ask->n_fields++ : -1;
}

static int
add_column(void *self, struct str name, struct err *err)
{
	static const char fixed[] = "event|timestamp|received_at|id|user_id|session_id|properties";

	(void)err;
	if (!has_phrase(fixed, name) && name.n <= VALUE_BYTES)
		ask_add_field(self, name);
	return 0;
}

/* Of a property that is true or false: "passed" and "failed" are its values. */
static void
teach_flag(struct ask *ask, int i, struct str words)
{
	static const struct { const char *names, *yes, *no; } known[] = { { "passed|pass", "passed|pass", "failed|fail|failure" },
		{ "success|successful|succeeded|ok", "successful|succeeded|success", "failed|fail|unsuccessful|failure" }, { "failed|error|failure", "failed|fail", "successful|succeeded" } };
	const struct ask_sense yes = { .is = ASK_VALUE, .arg = i, .value = STR("1"), .events = ask->field[i].events }, no = { .is = ASK_VALUE, .arg = i, .value = STR("0"),
		.events = ask->field[i].events };

	for (int k = 0; k < 3; k++)
		if (str_starts(words, str_of((const char *[]){ "is ", "was ", "has " }[k])))
			words.p += k ? 4 : 3, words.n -= k ? 4 : 3;
	teach(ask, words, yes);
	for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
		if (has_phrase(known[k].names, words)) {
			teach_all(ask, known[k].yes, yes);
			teach_all(ask, known[k].no, no);
		}
}

/* Numbers that are 0 and 1, in a property whose name says whether: passed, is_new. */
static int
is_flag(struct ask *ask, int i)
{
	struct str words = spoken(ask->arena, ask->field[i].name);
	const char *blank = memrchr(words.p, ' ', words.n);

	return str_starts(words, STR("is ")) || str_starts(words, STR("was ")) || str_starts(words, STR("has ")) ||
	    is_participle(blank ? (struct str){ blank + 1, (size_t)(words.p + words.n - blank - 1) } : words) || has_phrase("success|successful|ok|active|premium|pass|error", words);
}

/* Is a property called just so: plan, beside from_plan and to_plan, which are not what is called plan then. */
static int
has_plain_field(struct ask *ask, size_t kind)
{
	for (int i = 0; i < ask->n_fields; i++)
		if (!ask->field[i].number && !ask->field[i].stored && has_phrase(field_words[kind].words, spoken(ask->arena, ask->field[i].name)))
			return 1;
	return 0;
}

/* Whole numbers in a property whose name says that they are names: zone, door_nr, status_code. How many zones there are is not what they add up to. */
static int
is_label(struct ask *ask, int i)
{
	struct str words = spoken(ask->arena, ask->field[i].name);
	const char *blank = memrchr(words.p, ' ', words.n);

	return has_phrase("zone|floor|door|gate|room|building|block|wing|ward|sector|district|aisle|shelf|bay|slot|rack|lane|track|line|platform|terminal|"
	    "station|stop|route|dock|berth|pier|machine|sensor|device|node|cluster|shard|partition|port|channel|store|branch|plant|"
	    "warehouse|depot|table|seat|desk|bed|court|team|group|class|section|shift|batch|lot|code|status|id|nr|no|number|category|type|kind|mode|phase|"
	    "priority|severity|tier|segment|cohort|variant|bucket|region|zip|postcode|plz|extension|vlan|pid|uid|gid|asn",
	    blank ? (struct str){ blank + 1, (size_t)(words.p + words.n - blank - 1) } : words) > 0;
}

static void
teach_field(struct ask *ask, int i)
{
	static const struct { const char *suffix; double ms; } spans[] = { { "ms", 1 }, { "millis", 1 }, { "milliseconds", 1 },
	    { "s", 1000 }, { "sec", 1000 }, { "secs", 1000 }, { "seconds", 1000 }, { "minutes", 60000 }, { "min", 60000 } };
	struct ask_field *f = &ask->field[i];
	struct ask_sense sense = { .is = ASK_FIELD, .arg = i };
	struct str words = spoken(ask->arena, f->name), tail, head;
	const char *blank;

	if (f->stored) {
		sense.part = STORED;
		teach(ask, words, sense);
		return;
	}
	teach(ask, words, sense);
	blank = memrchr(words.p, ' ', words.n);
	tail = blank ? (struct str){ blank + 1, (size_t)(words.p + words.n - blank - 1) } : (struct str){ 0 };
	head = blank ? (struct str){ words.p, (size_t)(blank - words.p) } : words;
	for (size_t k = 0; blank && k < sizeof(spans) / sizeof(*spans); k++)
		if (str_eq(tail, str_of(spans[k].suffix)))
			f->unit_ms = spans[k].ms;
	if ((f->unit_ms > 0 && !is_noun_of_event(ask, head)) || (blank && has_phrase("usd|eur|name|code|type|id|bytes|cents", tail)))
		teach(ask, head, sense);
	if (f->flag)
		teach_flag(ask, i, words);
	if (has_word(words, "mrr"))
		teach_all(ask, "monthly recurring revenue|recurring revenue", sense);
	if (f->number && has_word(words, "rating"))
		teach_all(ask, "star|star rating", sense);
	if (str_starts(words, STR("utm ")))
		teach(ask, (struct str){ words.p + 4, words.n - 4 }, sense);
	if (f->number) {
		if (f->unit_ms > 0 || has_word(words, "duration|latency|elapsed|time|length"))
			f->role = ASK_SPAN;
		else if (has_word(words, "revenue|amount|total|price|value|quantity|qty|sales|turnover|items|bytes|cost|credits|points|fee|tip|tips|discount|tax|bonus|mrr|arr|gmv|payout|refund|spend"))
			f->role = ASK_AMOUNT;
		if (f->role == ASK_SPAN && has_word(words, "duration|time|length") && ask->span < 0)
			ask->span = i;
		return;
	}
	f->country = has_word(words, "country|countries");
	for (size_t k = 0; k < sizeof(field_words) / sizeof(*field_words); k++)
		if (has_word(words, field_words[k].words)) {
			if (has_phrase(field_words[k].words, words) || !has_plain_field(ask, k))
				teach_all(ask, field_words[k].names, sense);
			break;
		}
}

/* How likely an amount is what was earned: by its name, and by whether a purchase carries it. */
static int
money_rank(const struct ask *ask, int i, struct str words)
{
	int of_purchase = ask->purchase >= 0 && ask->field[i].events >> ask->purchase & 1;

	if (!ask->field[i].number || ask->field[i].stored)
		return 0;
	if (has_word(words, "revenue|turnover"))
		return 5 + of_purchase;
	if (!has_word(words, "amount|total|value|price|sales"))
		return 0;
	return of_purchase ? has_word(words, "price") ? 3 : 4 : 1;
}

static void
choose_money(struct ask *ask)
{
	for (int i = 0, most = 0, rank; i < ask->n_fields; i++)
		if ((rank = money_rank(ask, i, spoken(ask->arena, ask->field[i].name))) > most)
			ask->money = i, most = rank;
}

/* ---- parts of names, where nothing else is called so
 *
 * Whoever asks about invoice_paid says "invoices", and "were paid" three words later; battery_pct is "battery". Such a word may be shared
 * by several names: which is meant the rest of the question says (ask_read.c), or it is asked back. */

static int
is_free(struct ask *ask, struct str phrase)             /* nothing of the store, and no word that the grammar needs */
{
	char key[200];
	struct map_entry *e = key_of(ask->arena, phrase, key, sizeof(key)) ? map_find(&ask->phrases, str_of(key)) : NULL;

	for (struct ask_sense *s = e ? e->ptr : NULL; s; s = s->next)
		if (s->part != 1 && s->is != ASK_NOTHING && s->is != ASK_UNKNOWN && s->is != ASK_WRITE && s->is != ASK_WHY && !(s->is == ASK_VALUE && ask->field[s->arg].path))
			return 0;
	return phrase.n > 2;
}

static void
teach_part(struct ask *ask, int event, struct str words, int verb)
{
	if (words.n && is_free(ask, words))
		teach(ask, words, (struct ask_sense){ .is = ASK_EVENT, .arg = event, .verb = verb, .part = 1 });
}

static void
teach_event_parts(struct ask *ask, int event)
{
	struct str words = spoken(ask->arena, ask->event[event].name), rest = words, one, noun;
	const char *end = words.p + words.n;

	while (str_cut(&rest, ' ', &one)) {
		struct str before = { words.p, (size_t)(one.p - words.p) }, behind = { one.p + one.n, (size_t)(end - one.p - one.n) };

		if (!is_participle(one))
			continue;
		if (one.p > words.p) {                          /* invoice paid, user signed up */
			teach_part(ask, event, str_trim(before), 0);
			teach_part(ask, event, (struct str){ one.p, (size_t)(end - one.p) }, 1);
			if (noun_of(ask->arena, one, &noun))
				teach_part(ask, event, noun, 0);
		} else {                                        /* viewed report */
			teach_part(ask, event, one, 1);
			teach_part(ask, event, str_trim(behind), 0);
		}
		break;
	}
}

static void
teach_field_part(struct ask *ask, int field, struct str words, const char *behind)
{
	struct buf b = { 0 };

	buf_str(&b, words);
	buf_lit(&b, behind);
	if (is_free(ask, buf_get(&b)))
		teach(ask, buf_get(&b), (struct ask_sense){ .is = ASK_FIELD, .arg = field });
	buf_release(&b);
}

/* The first or last word of a field's name that no other field has in that place. */
static void
teach_field_parts(struct ask *ask, int field)
{
	static const char *const spans[] = { " time", " duration", " length" };
	const struct ask_field *f = &ask->field[field];
	struct str words = spoken(ask->arena, f->name), head = words, tail;
	const char *blank = memrchr(words.p, ' ', words.n);
	int heads = 0, tails = 0;

	if (!blank)
		return;
	head.n = (size_t)(blank - words.p);
	tail = (struct str){ blank + 1, words.n - head.n - 1 };
	for (int i = 0; i < ask->n_fields; i++) {
		struct str other = spoken(ask->arena, ask->field[i].name);

		heads += str_starts(other, head) && (other.n == head.n || other.p[head.n] == ' ');
		tails += other.n > tail.n && str_eq((struct str){ other.p + other.n - tail.n, tail.n }, tail) && other.p[other.n - tail.n - 1] == ' ';
	}
	for (size_t i = 0; f->unit_ms > 0 && heads == 1 && i < sizeof(spans) / sizeof(*spans); i++)
		teach_field_part(ask, field, head, spans[i]);
	if (heads == 1)
		teach_field_part(ask, field, head, "");
	if (tails == 1 && !has_phrase("id|code|name|type|key|flag|at|on|by|no|nr", tail))
		teach_field_part(ask, field, tail, "");
}

void
ask_teach_parts(struct ask *ask)
{
	for (int i = 0; i < ask->n_events; i++)
		teach_event_parts(ask, i);
	for (int i = 0; i < ask->n_fields; i++)
		teach_field_parts(ask, i);
}

/* ---- values */

static int
event_index(const struct ask *ask, struct str name)
{
	for (int i = 0; i < ask->n_events; i++)
		if (str_eq(ask->event[i].name, name))
			return i;
	return ASK_EVENTS;
}

static void
teach_value(struct ask *ask, int field, struct str value, uint64_t events)
{
	struct ask_sense sense = { .is = ASK_VALUE, .arg = field, .value = value, .events = events };
	struct str words = spoken(ask->arena, value);
	struct ask_field *f = &ask->field[field];

	if (words.n)
		teach(ask, words, sense);
	if (f->path && str_eq(value, STR("/")))
		teach_all(ask, "home|homepage|home page|front page|start page|main page|root page|index page|landing page|root", sense);
	for (size_t k = 0; k < sizeof(value_words) / sizeof(*value_words); k++)
		if (str_eq(words, str_of(value_words[k].value)))
			teach_all(ask, value_words[k].names, sense);
	if (f->path && value.n > 1 && value.p[0] == '/') {      /* /en/pricing is the pricing page, too */
		const char *slash = memrchr(value.p, '/', value.n);
		struct str last = spoken(ask->arena, (struct str){ slash + 1, (size_t)(value.p + value.n - slash - 1) });

		if (slash > value.p && last.n > 2 && !isdigit((unsigned char)last.p[0]))
			teach(ask, last, sense);
	}
}

void
ask_teach_metric(struct ask *ask, int metric)
{
	teach(ask, spoken(ask->arena, ask->metric[metric].name), (struct ask_sense){ .is = ASK_METRIC, .arg = metric });
}

static struct ask_sense *
value_sense(struct ask *ask, int field, struct str value)
{
	struct str words = str_eq(value, STR("/")) ? STR("home") : spoken(ask->arena, value);
	char key[200];
	struct map_entry *e;

	if (!key_of(ask->arena, words, key, sizeof(key)))
		return NULL;
	e = map_find(&ask->phrases, str_of(key));
	for (struct ask_sense *s = e ? e->ptr : NULL; s; s = s->next)
		if (s->is == ASK_VALUE && s->arg == field && str_eq(s->value, value))
			return s;
	return NULL;
}

/* /product/1, /product/2: products */
static void
teach_folder(struct ask *ask, int field, struct str value, uint64_t events)
{
	const char *slash = value.n > 2 ? memchr(value.p + 1, '/', value.n - 1) : NULL;
	struct ask_sense sense = { .is = ASK_FIELD, .arg = field, .events = events };
	struct map_entry *entry;
	struct str head;
	char key[200];

	if (!slash || slash + 1 == value.p + value.n)
		return;
	sense.value = (struct str){ value.p, (size_t)(slash + 1 - value.p) };
	head = spoken(ask->arena, (struct str){ value.p + 1, (size_t)(slash - value.p - 1) });
	teach(ask, head, sense);
	if (key_of(ask->arena, head, key, sizeof(key)) && (entry = map_find(&ask->phrases, str_of(key))))
		for (struct ask_sense *k = entry->ptr; k; k = k->next)
			if (k->is == ASK_FIELD && k->arg == field && k->value.p)
				k->events |= events;
}

void
ask_teach_value(struct ask *ask, int field, struct str value, uint64_t events)
{
	if (value.n && value.p[0] == '/')
		ask->field[field].path = 1;
	teach_value(ask, field, value, events);
	if (ask->field[field].path)
		teach_folder(ask, field, value, events);
}

/* ---- one pass over the columns of the newest events: which events have which fields, and their values */

struct seen_value { int64_t count; uint64_t events; struct str text; };
struct seen_field {
	struct map values;
	int numbers, texts, others;     /* others: numbers beside 0 and 1 */
	int fractions;                  /* numbers that are not whole */
	int64_t rows;                   /* with a text; 0: not added up yet */
	int taught;
	int whether;                    /* what a first 0 or 1 was written as: 1 true or false, -1 a number; 0 none yet */
	int64_t row;                    /* of the batch: the first with a number; -1 */
};

static int64_t
rows_seen(struct seen_field *f)
{
	if (!f->rows)
		for (struct map_entry *e = map_first(&f->values); e; e = map_next(&f->values, e))
			f->rows += e->ptr ? ((struct seen_value *)e->ptr)->count : 0;
	return f->rows;
}

static void
see_texts(struct ask *ask, int i, struct seen_field *seen, const struct column *c, size_t n, const uint64_t *event)
{
	struct { uint64_t events; int64_t count; } *of = mem_new(c->n_values * sizeof(*of));

	for (size_t k = 0; k < n; k++)
		of[c->code[k]].events |= event[k], of[c->code[k]].count++;
	for (uint32_t v = 1; v < c->n_values; v++) {
		const struct cell *cell = &c->value[v];
		struct map_entry *e;
		struct seen_value *s;
		int is_new;

		if (!of[v].count || cell->type == CELL_NULL)
			continue;
		ask->field[i].events |= of[v].events;
		if (cell->type != CELL_TEXT) {
			seen->numbers = 1;
			seen->others |= cell->type != CELL_INTEGER || (cell->integer & ~1ll);
			seen->fractions |= cell->type != CELL_INTEGER;
			continue;
		}
		seen->texts = 1;
		if (!cell->text.n || cell->text.n > VALUE_BYTES)
			continue;
		if (seen->values.n >= VALUES_SEEN && !map_find(&seen->values, cell->text)) {
			ask->field[i].many = 1;
			continue;
		}
		e = map_put(&seen->values, cell->text, &is_new);
		if (is_new)
			e->ptr = arena_get(ask->arena, sizeof(*s));
		if (!(s = e->ptr))
			break;
		if (is_new)             /* what an arena gives is not empty */
			*s = (struct seen_value){ .text = e->key };
		s->count += of[v].count;
		s->events |= of[v].events;
	}
	free(of);
}

static void
see_numbers(struct ask *ask, int i, struct seen_field *seen, const struct column *c, size_t n, const uint64_t *event)
{
	uint64_t events = 0;

	for (size_t k = 0; k < n; k++)
		if (!c->valid || c->valid[k / 64] >> k % 64 & 1) {
			seen->row = events ? seen->row : (int64_t)k;
			events |= event[k];
			seen->others |= c->form != COLUMN_INTEGER || (c->integer[k] & ~1ll);
			seen->fractions |= c->form != COLUMN_INTEGER;
		}
	ask->field[i].events |= events;
	seen->numbers |= events != 0;
}

/* What is 0 and 1 to SQL may have been written true and false: a chunk says so, as long as its column is not read, and of the tail a row. */
static void
see_whether(struct ask *ask, int i, struct seen_field *seen, struct store_batch *batch)
{
	struct store_bounds bounds;
	struct json value;
	struct event e;
	struct err err = { 0 };                 /* of a damaged chunk: another one may tell */

	if (seen->whether)
		return;
	if (batch->id) {
		if (store_batch_bounds(batch, i + 1, &bounds, &err) > 0 && bounds.kinds)
			seen->whether = bounds.kinds == STORE_BOUNDS_BOOLEANS ? 1 : -1;
	} else if (seen->row >= 0 && store_batch_row(batch, (size_t)seen->row, &e, &err) == 0) {
		value = json_get(json_checked(e.properties), ask->field[i].name);
		seen->whether = value.type == JSON_TRUE || value.type == JSON_FALSE ? 1 : -1;
	}
}

static int
see_batch(struct ask *ask, struct seen_field *seen, struct store_batch *batch, struct err *err)
{
	uint64_t *event = mem_new(batch->n * sizeof(*event)), *of_code = NULL;
	struct column c;
	int rc = store_batch_column(batch, 0, &c, err);

	if (rc == 0 && c.form == COLUMN_CODES) {
		of_code = mem_new(c.n_values * sizeof(*of_code));
		for (uint32_t v = 1; v < c.n_values; v++)
			of_code[v] = c.value[v].type == CELL_TEXT ? 1ull << event_index(ask, c.value[v].text) : 0;
		for (size_t k = 0; k < batch->n; k++)
			event[k] = of_code[c.code[k]];
	}
	for (int i = 0; i < ask->n_fields && rc >= 0; i++) {
		seen[i].row = -1;
		if (batch->id)
			see_whether(ask, i, &seen[i], batch);
		if ((rc = store_batch_values(batch, i + 1, &c, err)) > 0) {
			if (c.form == COLUMN_CODES)
				see_texts(ask, i, &seen[i], &c, batch->n, event);
			else if (c.form != COLUMN_NULL)
				see_numbers(ask, i, &seen[i], &c, batch->n, event);
		}
		if (rc > 0 && !batch->id)
			see_whether(ask, i, &seen[i], batch);
	}
	free(of_code);
	free(event);
	return rc < 0 ? rc : 0;
}

/* The letters that most user ids begin with, before a digit: "dev" of dev017. */
static void
see_ids(struct ask *ask, const struct column *c)
{
	struct str prefix = { 0 };
	int with = 0, n = 0;

	for (uint32_t v = 1; c->form == COLUMN_CODES && v < c->n_values && n < IDS_SEEN; v++, n++) {
		struct str id = c->value[v].type == CELL_TEXT ? c->value[v].text : (struct str){ 0 };
		size_t letters = 0, digits;

		while (letters < id.n && isalpha((unsigned char)id.p[letters]))
			letters++;
		digits = letters + (letters < id.n && strchr("-_.:", id.p[letters]) != NULL);
		if (letters < 3 || digits >= id.n || !isdigit((unsigned char)id.p[digits]))
			continue;
		if (!prefix.p)
			prefix = (struct str){ id.p, letters };
		with += prefix.n == letters && strncasecmp(prefix.p, id.p, letters) == 0;
	}
	if (prefix.p && with * 5 >= n * 4)
		ask->id_prefix = (struct str){ arena_dup(ask->arena, prefix.p, prefix.n), prefix.n };
}

static int
see_events(struct ask *ask, struct store *store, struct seen_field *seen, struct err *err)
{
	struct store_range range = { .from = TIME_MIN, .to = TIME_MAX + 1, .newest = LOOKED_AT };
	struct store_field field[ASK_FIELDS + 2] = { { FIELD_EVENT, { 0 } } };
	struct column ids;
	struct store_batches *batches;
	struct store_batch *batch = NULL;
	size_t rows = 0, looked = 0;
	int rc = 0, more = 1;

	for (int i = 0; i < ask->n_fields; i++)
		field[i + 1] = (struct store_field){ FIELD_PROPERTY, ask->field[i].name };
	field[ask->n_fields + 1] = (struct store_field){ FIELD_USER, { 0 } };
	if ((batches = store_batches_open(store, &range, field, ask->n_fields + 2, err)) && (batch = store_batch_open(batches, err)))
		while (rc == 0 && more) {
			more = store_batch_next(batch, err);
			if (more == ERR_CORRUPT) {      /* what can be read is enough for words */
				err_clear(err);
				continue;
			}
			rc = more < 0 ? more : more ? see_batch(ask, seen, batch, err) : 0;
			if (rc == 0 && more && !rows && (rc = store_batch_column(batch, ask->n_fields + 1, &ids, err)) == 0)
				see_ids(ask, &ids);
			rows += more > 0 ? batch->n : 0;
			looked += more > 0 ? batch->id ? batch->n : 2 * batch->n : 0;
			more = more && looked < LOOKED_IN * LOOKED_AT;
		}
	else
		rc = err->code;
	store_batch_close(batch);
	store_batches_close(batches);
	return rc;
}

static int
by_count(const void *a, const void *b)
{
	const struct seen_value *x = *(struct seen_value *const *)a, *y = *(struct seen_value *const *)b;

	return x->count != y->count ? x->count < y->count ? 1 : -1 : str_cmp(x->text, y->text);
}

/* The most frequent values. Whether they are codes of countries. */
static int
teach_values(struct ask *ask, int field, struct seen_field *seen)
{
	struct seen_value **all = mem_new((seen->values.n + 1) * sizeof(*all));
	size_t n = 0;
	int codes = 0;

	for (struct map_entry *e = map_first(&seen->values); e; e = map_next(&seen->values, e))
		if (e->ptr)
			all[n++] = e->ptr;
	qsort(all, n, sizeof(*all), by_count);
	if (n > ASK_VALUES)
		ask->field[field].many = 1, n = ASK_VALUES;
	for (size_t i = 0; i < n; i++)
		ask->field[field].path |= all[i]->text.p[0] == '/';
	for (size_t i = 0; i < n; i++) {
		struct str value = { arena_dup(ask->arena, all[i]->text.p, all[i]->text.n), all[i]->text.n };

		if (!value.p)
			break;
		codes += value.n == 2 && isupper((unsigned char)value.p[0]) && isupper((unsigned char)value.p[1]);
		ask_teach_value(ask, field, value, all[i]->events);
	}
	free(all);
	return (size_t)codes * 2 > n;
}

static void
teach_countries(struct ask *ask, int field, int codes)
{
	for (size_t k = 0; k < sizeof(countries) / sizeof(*countries); k++) {
		struct str code = str_of(countries[k].code), rest = str_of(countries[k].names), name;
		struct ask_sense *s = codes ? value_sense(ask, field, code) : NULL, sense;

		while (!codes && !s && str_cut(&rest, '|', &name)) {    /* stored by a name */
			char key[200];
			struct map_entry *e = key_of(ask->arena, name, key, sizeof(key)) ? map_find(&ask->phrases, str_of(key)) : NULL;

			for (s = e ? e->ptr : NULL; s && !(s->is == ASK_VALUE && s->arg == field); s = s->next)
				;
		}
		if (!s && !codes)
			continue;
		sense = s ? *s : (struct ask_sense){ .is = ASK_VALUE, .arg = field, .value = code };
		sense.next = NULL;
		teach_all(ask, countries[k].names, sense);
		if (!codes)
			teach(ask, code, sense);
	}
}

/* "synonyms": {"deals": "purchases"}: what the word stands for, taught as if it stood there; the longest phrase it is of. */
static void
teach_synonyms(struct ask *ask)
{
	struct json all = config_get(ask->config, "analytics", "synonyms");
	struct buf a = { 0 }, b = { 0 };
	struct json_iter it;

	for (it = json_iter(all); all.type == JSON_OBJECT && json_next(&it); ) {
		struct str word = spoken(ask->arena, json_text(it.key, &a)), means = spoken(ask->arena, json_text(it.value, &b));
		char key[200];
		struct map_entry *e = key_of(ask->arena, means, key, sizeof(key)) ? map_find(&ask->phrases, str_of(key)) : NULL;

		for (struct ask_sense *s = e ? e->ptr : NULL; s; s = s->next) {
			struct ask_sense copy = *s;

			copy.next = NULL;
			teach(ask, word, copy);
		}
	}
	buf_release(&a);
	buf_release(&b);
}

void
ask_teach_names(struct ask *ask)
{
	ask->purchase = ask->view = ask->money = ask->span = -1;
	for (int i = 0; i < ask->n_events; i++)
		teach_event(ask, i);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		teach_kind(ask, k);
	for (int i = 0; i < ask->n_fields; i++)
		teach_field(ask, i);
	choose_money(ask);
	for (size_t k = 0; k < sizeof(grammar) / sizeof(*grammar); k++)
		teach_all(ask, grammar[k].phrases, (struct ask_sense){ .is = grammar[k].is, .arg = grammar[k].arg });
}

int
ask_learn(struct ask *ask, struct err *err)
{
	struct store *store = query_store(ask->query, err);
	struct seen_field *seen = NULL;
	int rc;

	if (!store)
		return err->code;
	if ((rc = store_each_name(store, add_name, ask, err)) < 0 ||
	    (rc = query_each_column(ask->query, "events", add_column, ask, err)) < 0)
		return rc;
	seen = mem_new((ASK_FIELDS + 1) * sizeof(*seen));
	rc = ask->n_events ? see_events(ask, store, seen, err) : 0;
	for (int i = 0; i < ask->n_fields; i++) {
		ask->field[i].flag = seen[i].numbers && !seen[i].texts && !seen[i].others && (seen[i].whether > 0 || is_flag(ask, i));
		ask->field[i].label = seen[i].numbers && !seen[i].texts && !seen[i].fractions && !ask->field[i].flag && is_label(ask, i);
		ask->field[i].number = seen[i].numbers && !seen[i].texts && !ask->field[i].flag && !ask->field[i].label;
	}
	if (rc == 0)
		rc = ask_learn_stored(ask, store, err);
	ask_teach_names(ask);
	for (int taught = 0, i; taught < ask->n_fields; taught++) {     /* a value of two properties is first of the one that more events have */
		int codes;

		for (int k = i = 0; k < ask->n_fields; k++)
			if (!seen[k].taught && (seen[i].taught || rows_seen(&seen[k]) > rows_seen(&seen[i])))
				i = k;
		if (!ask->field[i].number && ask->field[i].events && (codes = teach_values(ask, i, &seen[i]), ask->field[i].country))
			teach_countries(ask, i, codes);
		map_release(&seen[i].values);
		seen[i].taught = 1;
	}
	ask_learn_metrics(ask);
	ask_teach_parts(ask);
	teach_synonyms(ask);
	free(seen);
	return rc;
}

/* ---- words to items */

static int
is_article(struct str w)
{
	return has_phrase("a|an|the|our|their|your|my|his|her|its|something|anything|item|items|thing|things|stuff|some|any", w) > 0;
}

/* The longest phrase from word i on; words it has, 0: none. */
static int
phrase_at(struct ask *ask, const struct ask_word *w, int n, int i, struct ask_sense **sense)
{
	char key[200];
	size_t len = 0;
	int best = 0, stems = 0;

	for (int j = i; j < n && stems < ask->longest; j++) {
		struct map_entry *e;

		if (j > i && (w[j].verbatim || w[j].comma))
			break;
		if (j > i && is_article(w[j].text))
			continue;
		if (len + w[j].stem.n + 2 > sizeof(key))
			break;
		if (len)
			key[len++] = ' ';
		memcpy(key + len, w[j].stem.p, w[j].stem.n);
		len += w[j].stem.n;
		key[len] = 0;
		stems++;
		if ((e = map_find(&ask->phrases, (struct str){ key, len })) && e->ptr)
			best = j - i + 1, *sense = e->ptr;
	}
	return best;
}

/* A word that is misspelt: the phrase it is likely to be. */
static struct ask_sense *
misspelt(struct ask *ask, const struct ask_word *w)
{
	struct ask_sense *found = NULL;
	struct str raw;

	for (size_t k = 0; k < sizeof(plain_words) / sizeof(*plain_words); k++)
		if (str_eq(w->text, str_of(plain_words[k])))
			return NULL;
	for (struct map_entry *e = map_first(&ask->phrases); e; e = map_next(&ask->phrases, e)) {
		raw = e->key;
		if (!e->ptr || memchr(raw.p, ' ', raw.n))
			continue;
		/* a word that is passed over must stand there as it is */
		if (((struct ask_sense *)e->ptr)->is == ASK_NOTHING || ((struct ask_sense *)e->ptr)->is == ASK_UNKNOWN)
			continue;
		if (!ask_near(w->stem, raw) && !ask_near(w->text, raw))
			continue;
		if (!found || weight(e->ptr) > weight(found))
			found = e->ptr;
	}
	return found;
}

/* The users of this store by what their ids call them: devices, where ids are dev017. */
static int
names_users(const struct ask *ask, struct str stem)
{
	static const struct { const char *prefix, *stems; } shorts[] = { { "dev", "devic" }, { "acc", "account" }, { "acct", "account" }, { "cust", "customer" }, { "usr", "user" },
		{ "emp", "employe" }, { "veh", "vehicl" }, { "pat", "patient" }, { "org", "organization|organisation" }, { "cli", "client" }, { "srv", "server" },
		{ "sens", "sensor" }, { "mach", "machin" }, { "stu", "student" }, { "sub", "subscrib" } };
	struct str p = ask->id_prefix;

	if (!p.p)
		return 0;
	for (size_t i = 0; i < sizeof(shorts) / sizeof(*shorts); i++)
		if (strlen(shorts[i].prefix) == p.n && strncasecmp(shorts[i].prefix, p.p, p.n) == 0)
			return has_phrase(shorts[i].stems, stem) > 0;
	return stem.n >= 4 && stem.n <= p.n && p.n <= stem.n + 1 && strncasecmp(stem.p, p.p, stem.n) == 0;
}

static int
is_id(const struct ask *ask, struct str text)           /* dev001, dev-001 */
{
	struct str p = ask->id_prefix;

	if (!p.p || text.n <= p.n || strncasecmp(text.p, p.p, p.n))
		return 0;
	for (size_t i = p.n; i < text.n; i++)
		if (!isalnum((unsigned char)text.p[i]) && !strchr("-_.:", text.p[i]))
			return 0;
	return isdigit((unsigned char)text.p[text.n - 1]) != 0;
}

/* Two words with one sign between them, as they were typed; the first alone where they are not. */
static struct str
joined(const struct ask_word *w, int i)
{
	const struct str a = w[i].as_typed, b = w[i + 1].as_typed;
	const uintptr_t end = (uintptr_t)a.p + a.n;

	if (w[i + 1].verbatim || w[i + 1].comma || (uintptr_t)b.p != end + 1 || !strchr("-_.:", a.p[a.n]))
		return a;
	return (struct str){ a.p, a.n + 1 + b.n };
}

/* A word that is misspelt within a phrase of several: "referal code". Its stem is mended where that gives one that begins with it, or, from *at on, with
 * the word before; *at: where the phrase begins. Its words; 0: none. */
static int
respelt(struct ask *ask, struct ask_word *w, int n, int before, int i, int *at, struct ask_sense **sense)
{
	const struct str as_was = w[i].stem;
	int phrase;

	if (map_find(&ask->words, as_was))
		return 0;
	for (struct map_entry *e = map_first(&ask->words); e; e = map_next(&ask->words, e)) {
		if (!ask_near(as_was, e->key))
			continue;
		w[i].stem = e->key;
		*at = i;
		if ((phrase = phrase_at(ask, w, n, i, sense)) > 1)
			return phrase;
		*at = i - 1;
		if (before && (phrase = phrase_at(ask, w, n, i - 1, sense)) > 1)
			return phrase;
	}
	w[i].stem = as_was;
	*sense = NULL;
	return 0;
}

static int
inflected(struct str w)
{
	return (w.n > 4 && memcmp(w.p + w.n - 3, "ing", 3) == 0) || (w.n > 4 && memcmp(w.p + w.n - 2, "ed", 2) == 0);
}

int
ask_value_of(struct ask *ask, int field, struct str text, struct ask_sense *to)
{
	for (struct map_entry *e = map_first(&ask->phrases); e; e = map_next(&ask->phrases, e))
		for (struct ask_sense *s = e->ptr; s; s = s->next)
			if (s->is == ASK_VALUE && s->arg == field && str_eq(s->value, text)) {
				*to = *s;
				return 1;
			}
	return 0;
}

/* A word of a name that stands in front of all others, as it is: "unlock the doors" wants it done. */
static int
is_order(const struct ask_item *items, int n, const struct ask_sense *s, struct str word, struct str next)
{
	if (has_phrase("rate|rates|ratio|reason|reasons|count|counts|per|by|in|from|this|last|today|yesterday|over|trend", next))
		return 0;               /* refund rate, refund reasons */
	for (int i = 0; i < n; i++)
		if (items[i].is != ASK_NOTHING)
			return 0;
	return s->is == ASK_EVENT && s->verb && s->part && !inflected(word) && !is_participle(word) && word.p[word.n - 1] != 's';
}

static int
value_named(const struct ask *ask, struct str text, struct ask_sense *to)      /* a path or a quoted value, as it stands */
{
	for (struct map_entry *e = map_first(&ask->phrases); e; e = map_next(&ask->phrases, e))
		for (struct ask_sense *s = e->ptr; s; s = s->next)
			if (s->is == ASK_VALUE && s->value.n == text.n && strncasecmp(s->value.p, text.p, text.n) == 0) {
				*to = *s;
				return 1;
			}
	return 0;
}

static int
is_us(const struct ask_word *w, int i)                  /* the country, not we */
{
	static const char verbs[] = "tell|give|show|let|to|with|get|bring|brings|brought|gives|gave|for|of|by|on|send|sends|visit|visited|"
	    "visiting|join|joined|use|used|"
	    "found|find|reach|reached|contact|contacted|help|cost|costs|about|lets|like|love|pay|paid|make|makes|made";

	return w[i].upper || (i > 0 && !has_phrase(verbs, w[i - 1].text));
}

/* What the words of an item mean. */
static void
take_sense(struct ask_item *it, struct ask_sense *s)
{
	it->is = s->is, it->arg = s->arg, it->verb = s->verb, it->value = s->value, it->events = s->events, it->sense = s;
}

/* A word of English can be nothing but a country's code at the end of "orders from at". */
static int
is_place(const struct ask_word *w, int n, int i)
{
	int ends = i + 1 == n || w[i + 1].comma || has_phrase("and|or|today|yesterday|last|this|by|per", w[i + 1].text);

	return ends && i > 0 && has_phrase("in|from", w[i - 1].text) && has_phrase("in|it|is|no|at|be|so|do|am|as", w[i].text);
}

static int
is_english(struct str word)
{
	return has_phrase("in|it|is|no|me|to|at|be|so|do|am|by|my|as|or|on|an|hi|ok|id|re", word);
}

/* Of a phrase's meanings the one that is meant here, where the word may be a country's code: in and IN, us and US. NULL: none of them. */
static struct ask_sense *
sense_here(const struct ask *ask, const struct ask_word *w, int n, int i, struct ask_sense *s)
{
	int us = str_eq(w[i].text, STR("us"));

	if (s->is == ASK_VALUE && s->value.n == 2 && ask->field[s->arg].country && !w[i].upper && (us ? !is_us(w, i) : is_english(w[i].text) && !is_place(w, n, i)) &&
	    !(s = s->next))
		return NULL;
	/* a word of the grammar that is a country in capitals, or where one must be meant */
	if (s->is != ASK_VALUE && (w[i].upper || us || is_place(w, n, i)) && w[i].text.n == 2)
		for (struct ask_sense *k = s; k; k = k->next)
			if (k->is == ASK_VALUE && (us || ask->field[k->arg].country) && (!us || is_us(w, i)))
				return k;
	return s;
}

/* "The 7 days before that": words, and ms of the span, months negative. 0: none. */
static int
previous_span(const struct ask_word *w, int n, int i, double *span)
{
	static const struct { const char *stem; double ms; } units[] = { { "minut", 60000 }, { "hour", 3600000 }, { "day", 86400000 }, { "week", 604800000 }, { "month", -1 },
		{ "year", -12 } };

	if (i + 2 >= n || !w[i].is_number || w[i].ordinal || !has_phrase("before|prior|preceding|previous", w[i + 2].text) ||
	    (i + 3 < n && !w[i + 3].comma && !has_phrase("that|those|it|this|them", w[i + 3].text)))
		return 0;
	for (size_t k = 0; k < sizeof(units) / sizeof(*units); k++)
		if (str_eq(w[i + 1].stem, str_of(units[k].stem))) {
			*span = w[i].number * units[k].ms;
			return i + 3 < n && !w[i + 3].comma ? 4 : 3;
		}
	return 0;
}

/* One star: the next word is a property that is a number. */
static int
counts_field(struct ask *ask, const struct ask_word *w, int n, int i)
{
	struct ask_sense *s = NULL;

	return i + 1 < n && phrase_at(ask, w, n, i + 1, &s) > 0 && s->is == ASK_FIELD && ask->field[s->arg].number;
}

/* The words of a question as they become items. */
struct finder {
	struct ask *ask;
	struct ask_word *w;
	int n;
	int64_t now;
	const struct zone *zone;
	int apart;                      /* it speaks of what differs between periods */
	int lost;                       /* a word means nothing: nothing will be answered, other slips need not be mended, which looks at each word there is */
	struct ask_item *items;
	int n_items;
};

/* What stands for itself at i: text in quotes, an id, and words whose stems are those of others. How many words; 0. */
static int
as_it_stands(struct finder *f, int i, struct ask_item *it)
{
	struct ask *ask = f->ask;
	struct ask_word *w = f->w;
	struct ask_sense named;

	if (w[i].verbatim) {
		if (value_named(ask, w[i].as_typed, &named))
			it->is = ASK_VALUE, it->arg = named.arg, it->value = named.value, it->events = named.events;
		else
			it->is = ASK_UNKNOWN;
		return 1;
	}
	if (i + 1 < f->n && is_id(ask, joined(w, i))) {                /* sensor-003 */
		it->is = ASK_VALUE, it->arg = -1, it->value = it->text = joined(w, i);
		return 2;
	}
	if (is_id(ask, w[i].as_typed)) {
		it->is = ASK_VALUE, it->arg = -1, it->value = w[i].as_typed;
		return 1;
	}
	if (has_phrase("rated|meaning|meanings|timing|dated|dating|shared|shares|sharing|lasting|lasted|paging|uses|tops|pays|sourcing", w[i].text)) {
		it->is = ASK_UNKNOWN;
		return 1;
	}
	return 0;
}

/* What is more than the senses of its words at i: hours of the day, so many periods ago. How many words; 0. */
static int
span_or_hours(struct finder *f, int i, struct ask_item *it)
{
	struct ask_word *w = f->w;
	int from, to, used;

	if ((used = ask_hours(w, f->n, i, &from, &to)) > 0) {
		it->is = ASK_HOURS, it->number = from, it->ordinal = to;
	} else if ((used = previous_span(w, f->n, i, &it->number)) > 0) {
		it->is = ASK_PREVIOUS;
		it->text.n = (size_t)(w[i + used - 1].as_typed.p + w[i + used - 1].as_typed.n - it->text.p);
	} else {
		used = 0;
	}
	return used;
}

/* The longest phrase at i, so many words, or a shorter one where the longer is not what is meant. It takes no words of the period there,
 * where that is `t` words long, 0 then. */
static int
phrase_meant(struct finder *f, int i, struct ask_sense **s, int phrase, int *t)
{
	struct ask *ask = f->ask;
	struct ask_word *w = f->w;
	struct ask_sense *own = NULL;
	struct ask_period period;

	/* of what has a quantity it is no number of times */
	if (phrase == 2 && (*s)->is == ASK_HOW_MANY && has_phrase("quantity|volume", w[i].text) && phrase_at(ask, w, i + 1, i, &own) == 1 &&
	    own->is == ASK_FIELD && ask->field[own->arg].number)
		phrase = 1, *s = own;
	if (phrase == 2 && (*s)->is == ASK_NOTHING && str_eq(w[i + 1].text, STR("in")) && i > 0 && has_phrase("who|that|which", w[i - 1].text) &&
	    ask_time(w, f->n, i + 1, f->now, f->zone, f->apart, &period) > 1) {            /* who registered in may */
		phrase = phrase_at(ask, w, i + 1, i, s);
		*t = 0;
	}
	if (phrase > 1 && (*s)->is == ASK_RANKED && has_phrase("order|orders", w[i].text))    /* orders by hour, and ordered by */
		phrase = phrase_at(ask, w, i + 1, i, s);
	/* a price is no /pricing */
	if (phrase == 1 && (*s)->is == ASK_VALUE && !(*s)->next && !((*s)->arg >= 0 && ask->field[(*s)->arg].flag) &&
	    inflected(w[i].text) != inflected((*s)->value))
		phrase = 0;
	return phrase;
}

/* A word that is a number, or one of its place. 1; 0 it is none. */
static int
number_word(const struct ask_word *w, struct ask_item *it)
{
	int spelt;
	double q;

	if ((spelt = has_phrase("third|fourth|fifth|sixth", w->text)) > 0) {
		it->is = ASK_NUMBER, it->number = spelt + 2, it->ordinal = 1;
	} else if (w->is_number) {
		it->is = w->percent ? ASK_UNKNOWN : ASK_NUMBER;
		it->number = w->number, it->ordinal = w->ordinal, it->money = w->money;
	} else if (w->text.n > 1 && w->text.p[0] == 'p' && isdigit((unsigned char)w->text.p[1])) {
		if (str_double((struct str){ w->text.p + 1, w->text.n - 1 }, &q) == 0 && q > 0 && q < 100)
			it->is = ASK_AGG, it->arg = ASK_QUANTILE, it->number = q;
		else
			it->is = ASK_UNKNOWN;
	} else {
		return 0;
	}
	return 1;
}

/* So many words at i have the senses s, and one is taken. How many. */
static int
phrase_taken(struct finder *f, int i, int phrase, struct ask_sense *s, struct ask_item *it)
{
	const struct ask_word *w = f->w;

	if (phrase == 1 && !(s = sense_here(f->ask, w, f->n, i, s))) {
		it->is = ASK_NOTHING;
		return 1;
	}
	take_sense(it, s);
	it->also_users = (s->is == ASK_EVENT || (s->is == ASK_FIELD && f->ask->field[s->arg].number)) && phrase == 1 && names_users(f->ask, w[i].stem);
	if (is_order(f->items, f->n_items - 1, s, w[i].text, i + phrase < f->n ? w[i + phrase].text : STR("")))
		it->is = ASK_WRITE;
	return phrase;
}

static struct ask_item
item_begun(const struct ask_word *w, int i)
{
	return (struct ask_item){ .word = i, .comma = w[i].comma, .text = w[i].as_typed };
}

/* What the words at *i mean by the store's names and the grammar. How many words; the item before is taken in its place, and *i is its word,
 * where one that was spelt wrong is found to begin there. */
static int
meant(struct finder *f, int *at, struct ask_item **item)
{
	static const char numbers[] = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve";
	struct ask *ask = f->ask;
	struct ask_word *w = f->w;
	struct ask_item *it = *item;
	struct ask_sense *s = NULL;
	struct ask_period period;
	int i = *at, phrase = phrase_at(ask, w, f->n, i, &s), spelt = phrase ? 0 : has_phrase(numbers, w[i].text);
	int t = ask_time(w, f->n, i, f->now, f->zone, f->apart, &period), used = 1;

	if (!phrase && !t && !spelt && !w[i].is_number && !f->lost) {
		phrase = respelt(ask, w, f->n, f->n_items > 1 && it[-1].n_words == 1 && it[-1].word == i - 1, i, at, &s);
		if (phrase && *at < i) {        /* the word before begins it */
			i = *at;
			*(*item = it = &f->items[--f->n_items - 1]) = item_begun(w, i);
		}
		*at = i;
	}
	phrase = phrase_meant(f, i, &s, phrase, &t);
	if (str_eq(w[i].text, STR("one")) && ((f->n_items > 1 && it[-1].is == ASK_OVER) || counts_field(ask, w, f->n, i)))
		it->is = ASK_NUMBER, it->number = 1;    /* more than one, one star */
	else if ((phrase == 1 && s->is == ASK_MONEY && has_phrase("take|takes|taken", w[i].text)) || (i == 0 && str_eq(w[i].text, STR("name"))))
		it->is = ASK_NOTHING;                   /* no takings: how long it takes; name the five countries */
	else if (t < 0)
		it->is = ASK_FUTURE;
	else if (t > 0 && t >= phrase)
		it->is = ASK_PERIOD, it->period = period, used = t;
	else if (phrase && !(phrase == 1 && s->is == ASK_NOTHING && names_users(ask, w[i].stem)))
		used = phrase_taken(f, i, phrase, s, it);
	else if (spelt)
		it->is = ASK_NUMBER, it->number = spelt + 1;
	else if (number_word(&w[i], it))
		;
	else if (names_users(ask, w[i].stem))
		it->is = ASK_USERS;
	else if (!f->lost && (s = misspelt(ask, &w[i])))
		take_sense(it, s);
	else
		it->is = ASK_UNKNOWN, f->lost = 1;
	return used;
}

/* The whole phrase, up to its last word, where it stands so in the question ("not" of didn't does not). */
static void
reach_to(struct ask_item *it, struct str last)
{
	const uintptr_t from = (uintptr_t)it->text.p, to = (uintptr_t)last.p + last.n;

	if (to > from && to - from < 200)
		it->text.n = (size_t)(to - from);
}

int
ask_items(struct ask *ask, struct ask_word *w, int n, int64_t now, const struct zone *zone, struct ask_item *items)
{
	struct finder f = { .ask = ask, .w = w, .n = n, .now = now, .zone = zone, .items = items };

	for (int i = 0; i < n; i++)
		f.apart |= has_phrase("chang|differenc|differ|compar|comparison|grow|grew|growth|increas|decreas|vs|versus|development", w[i].stem) > 0;
	for (int i = 0, used; i < n; i += used) {
		struct ask_item *it = &items[f.n_items++];

		*it = item_begun(w, i);
		if (!(used = as_it_stands(&f, i, it)) && !(used = span_or_hours(&f, i, it)) && (used = meant(&f, &i, &it)) > 1)
			reach_to(it, w[i + used - 1].as_typed);
		it->n_words = used;
	}
	return f.n_items;
}
