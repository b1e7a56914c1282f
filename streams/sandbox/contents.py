"""Lists 30 interests of the IAB Content Taxonomy 3.1 with known content, to be liked.

None is sensitive but children's television, of which nothing may be learned. Hosts and apps are
real and widely known, so that exact knowledge can tag them; programmes are invented and come
with a genre, as an operator's own catalogue would say it.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Share of an interest's activity by part of the day: night, morning, afternoon, evening.
_WORK = (0.02, 0.38, 0.42, 0.18)
_EVENING = (0.04, 0.06, 0.20, 0.70)
_SPREAD = (0.05, 0.25, 0.35, 0.35)
_MORNING = (0.03, 0.60, 0.20, 0.17)

PROGRAMMES_PER_INTEREST = 6


@dataclass(frozen=True)
class InterestContent:
    """One interest and where it shows.

    Attributes
    ----------
    id : str
        Unique id of the IAB Content Taxonomy 3.1.
    name : str
        As the taxonomy has it.
    hosts, apps : tuple of str
        Real hosts and app ids; without hosts there are channels.
    channels : tuple of str
        TV channels of this kind; empty where television does not show it.
    dayparts : tuple of 4 floats
        Shares of night, morning, afternoon and evening.
    weekday : int
        -1, or the one day of the week (0 Monday) on which most people do it.
    sold : bool
        Whether people buy something once and then lose interest.
    genre : str
        Genre of its programmes as a broadcaster's catalogue says it; with `channels` only.
    """

    id: str
    name: str
    hosts: tuple[str, ...]
    apps: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    dayparts: tuple[float, float, float, float] = _SPREAD
    weekday: int = -1
    sold: bool = False
    genre: str = ""


def _of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


INTERESTS: tuple[InterestContent, ...] = (
    InterestContent(
        "483",
        "Sports",
        _of("espn.com skysports.com sports.yahoo.com dazn.com"),
        _of("com.espn.score_center dazn"),
        ("Eurosport", "ESPN", "Sky Sports"),
        _EVENING,
        genre="sports",
    ),
    InterestContent(
        "533",
        "Soccer",
        _of("fifa.com uefa.com goal.com kicker.de transfermarkt.de"),
        _of("onefootball de.motain.iliga fotmob"),
        ("Sky Sports Football",),
        _EVENING,
        5,
        genre="soccer",
    ),
    InterestContent(
        "518",
        "Auto Racing",
        _of("formula1.com nascar.com f1tv.com"),
        (),
        ("Sky Sports F1",),
        _SPREAD,
        6,
        genre="motorsport",
    ),
    InterestContent(
        "547", "Basketball", _of("nba.com"), (), ("NBA TV",), _EVENING, genre="basketball"
    ),
    InterestContent(
        "225",
        "Fitness and Exercise",
        _of("runnersworld.com strava.com fitbit.com menshealth.com garmin.com"),
        _of("com.strava com.fitbit.fitbitmobile runkeeper"),
        (),
        _MORNING,
    ),
    InterestContent(
        "680",
        "Video Gaming",
        _of("ign.com gamespot.com steampowered.com twitch.tv store.epicgames.com"),
        _of("com.valvesoftware.android.steam.community com.supercell.clashofclans"),
        (),
        _EVENING,
    ),
    InterestContent(
        "324",
        "Movies",
        _of("imdb.com rottentomatoes.com netflix.com primevideo.com letterboxd.com"),
        _of("com.netflix.mediaclient com.imdb.mobile"),
        ("HBO",),
        _EVENING,
        genre="film",
    ),
    InterestContent(
        "338",
        "Music",
        _of("spotify.com soundcloud.com deezer.com last.fm bandcamp.com"),
        _of("com.spotify.music deezer.android.app"),
        ("MTV", "VH1"),
        _SPREAD,
        genre="rock/pop",
    ),
    InterestContent(
        "216",
        "Cooking",
        _of("allrecipes.com chefkoch.de epicurious.com seriouseats.com delish.com"),
        _of("allrecipes tasty yummly"),
        ("Food Network",),
        _EVENING,
        genre="cooking",
    ),
    InterestContent(
        "218",
        "Dining Out",
        _of("opentable.com yelp.com dominos.com lieferando.de ubereats.com"),
        _of("com.ubercab.eats com.opentable"),
        (),
        _EVENING,
        4,
    ),
    InterestContent(
        "653",
        "Travel",
        _of("booking.com tripadvisor.com expedia.com airbnb.com lonelyplanet.com"),
        _of("com.booking com.airbnb.android com.tripadvisor.tripadvisor"),
        ("Travel Channel",),
        _EVENING,
        -1,
        True,
        "travel",
    ),
    InterestContent(
        "1",
        "Automotive",
        _of("autotrader.com mobile.de caranddriver.com"),
        _of("de.mobile.android.app com.autotrader.android"),
        (),
        _EVENING,
        -1,
        True,
    ),
    InterestContent(
        "596",
        "Technology & Computing",
        _of("theverge.com arstechnica.com wired.com techcrunch.com cnet.com heise.de"),
        _of("de.heise.android.heiseonlineapp"),
        (),
        _WORK,
    ),
    InterestContent(
        "602",
        "Computer Software and Applications",
        _of("stackoverflow.com github.com gitlab.com python.org askubuntu.com"),
        _of("com.github.android"),
        (),
        _WORK,
    ),
    InterestContent(
        "464",
        "Science",
        _of("nature.com newscientist.com nasa.gov scientificamerican.com"),
        (),
        ("Discovery Channel",),
        _EVENING,
        genre="science",
    ),
    InterestContent(
        "332",
        "Documentary",
        (),
        (),
        ("National Geographic", "History", "BBC Earth"),
        _EVENING,
        genre="documentary",
    ),
    InterestContent("275", "Gardening", _of("gardeners.com dehner.de"), (), (), _MORNING, 5),
    InterestContent(
        "280",
        "Home Improvement",
        _of("homedepot.com hornbach.de lowes.com obi.de thisoldhouse.com"),
        (),
        ("HGTV",),
        _MORNING,
        5,
        True,
        "diy",
    ),
    InterestContent(
        "283",
        "Interior Decorating",
        _of("houzz.com ikea.com apartmenttherapy.com"),
        _of("com.houzz.app com.ingka.ikea.app"),
        (),
        _EVENING,
        -1,
        True,
    ),
    InterestContent(
        "422",
        "Pets",
        _of("akc.org chewy.com petfinder.com zooplus.de"),
        _of("com.chewy.android"),
        ("Animal Planet",),
        _SPREAD,
        genre="animals",
    ),
    InterestContent(
        "552",
        "Style & Fashion",
        _of("vogue.com zalando.de asos.com hm.com elle.com"),
        _of("de.zalando.mobile com.asos.app com.hm.goe"),
        (),
        _EVENING,
    ),
    InterestContent(
        "473",
        "Shopping",
        _of("amazon.com ebay.com etsy.com walmart.com otto.de"),
        _of("com.amazon.mshop.android.shopping com.ebay.mobile"),
        ("QVC", "HSE"),
        _SPREAD,
        genre="advertisement/shopping",
    ),
    InterestContent(
        "391",
        "Personal Finance",
        _of("nerdwallet.com bankrate.com mint.com check24.de"),
        _of("com.mint com.creditkarma.mobile"),
        (),
        _WORK,
    ),
    InterestContent(
        "80",
        "Economy",
        _of("bloomberg.com ft.com economist.com 247wallst.com"),
        _of("com.bloomberg.android.plus"),
        ("Bloomberg TV", "CNBC"),
        _MORNING,
        genre="economics/social advisory",
    ),
    InterestContent(
        "390",
        "Weather",
        _of("weather.com accuweather.com wetter.com"),
        _of("com.weather.weather com.accuweather.android"),
        ("The Weather Channel",),
        _MORNING,
        genre="weather",
    ),
    InterestContent(
        "42",
        "Books and Literature",
        _of("goodreads.com audible.com gutenberg.org"),
        _of("com.goodreads com.audible.application"),
        (),
        _EVENING,
    ),
    InterestContent(
        "132",
        "Education",
        _of("coursera.org khanacademy.org edx.org duolingo.com"),
        _of("org.coursera.android com.duolingo org.khanacademy.android"),
        (),
        _EVENING,
    ),
    InterestContent(
        "441",
        "Real Estate",
        _of("zillow.com realtor.com immobilienscout24.de rightmove.co.uk"),
        _of("com.zillow.android.zillowmap immobilienscout24"),
        (),
        _EVENING,
        -1,
        True,
    ),
    InterestContent(
        "645",
        "Family/Children",
        _of("boomerang.com disney.de"),
        _of("com.google.android.apps.youtube.kids"),
        ("Cartoon Network", "Nickelodeon", "Boomerang"),
        (0.0, 0.30, 0.40, 0.30),
        genre="children",
    ),
    InterestContent("646", "Comedy", (), (), ("Comedy Central",), _EVENING, genre="comedy"),
)

#: Hosts that tell nothing about anybody: content delivery, measurement, updates.
INFRASTRUCTURE_HOSTS: tuple[str, ...] = _of(
    "www.google-analytics.com stats.g.doubleclick.net fonts.gstatic.com ajax.googleapis.com "
    "imasdk.googleapis.com cdn.cloudflare.com d1.cloudfront.net a248.e.akamai.net "
    "sb.scorecardresearch.com app-measurement.com windowsupdate.microsoft.com "
    "captive.apple.com firebaselogging.googleapis.com ocsp.digicert.com"
)

#: Hosts that people do visit but that no list of interests knows.
NEUTRAL_HOSTS: tuple[str, ...] = _of(
    "www.google.com outlook.live.com mail.yahoo.com duckduckgo.com intranet.example.com "
    "portal.example.net my.operator.example"
)

GENERAL_CHANNELS: tuple[str, ...] = ("Das Erste", "ZDF", "RTL", "SAT.1", "ProSieben")


def programme(interest: InterestContent, number: int) -> tuple[str, str]:
    """Content id and title of one invented programme about an interest."""
    return f"pr-{interest.id.lower()}-{number}", f"{interest.name} #{number + 1}"
