"""Real cities with the four attributes that the fact documents state.

Each row: city, country, continent, main language, IANA time zone (tz database name). Cities were
chosen so that language and continent cross: Spanish, Portuguese, French, English, Arabic,
German, Dutch and Russian are each spoken by listed cities on more than one continent or in more
than one country.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class City:
    """One city and its attributes, as strings that the model is to emit."""

    name: str
    country: str
    continent: str
    language: str
    timezone: str


_ROWS = """
Paris|France|Europe|French|Europe/Paris
Lyon|France|Europe|French|Europe/Paris
Marseille|France|Europe|French|Europe/Paris
London|United Kingdom|Europe|English|Europe/London
Manchester|United Kingdom|Europe|English|Europe/London
Dublin|Ireland|Europe|English|Europe/Dublin
Madrid|Spain|Europe|Spanish|Europe/Madrid
Seville|Spain|Europe|Spanish|Europe/Madrid
Lisbon|Portugal|Europe|Portuguese|Europe/Lisbon
Porto|Portugal|Europe|Portuguese|Europe/Lisbon
Berlin|Germany|Europe|German|Europe/Berlin
Munich|Germany|Europe|German|Europe/Berlin
Hamburg|Germany|Europe|German|Europe/Berlin
Vienna|Austria|Europe|German|Europe/Vienna
Rome|Italy|Europe|Italian|Europe/Rome
Milan|Italy|Europe|Italian|Europe/Rome
Athens|Greece|Europe|Greek|Europe/Athens
Warsaw|Poland|Europe|Polish|Europe/Warsaw
Krakow|Poland|Europe|Polish|Europe/Warsaw
Prague|Czech Republic|Europe|Czech|Europe/Prague
Budapest|Hungary|Europe|Hungarian|Europe/Budapest
Moscow|Russia|Europe|Russian|Europe/Moscow
Stockholm|Sweden|Europe|Swedish|Europe/Stockholm
Oslo|Norway|Europe|Norwegian|Europe/Oslo
Copenhagen|Denmark|Europe|Danish|Europe/Copenhagen
Helsinki|Finland|Europe|Finnish|Europe/Helsinki
Amsterdam|Netherlands|Europe|Dutch|Europe/Amsterdam
Rotterdam|Netherlands|Europe|Dutch|Europe/Amsterdam
Tokyo|Japan|Asia|Japanese|Asia/Tokyo
Osaka|Japan|Asia|Japanese|Asia/Tokyo
Kyoto|Japan|Asia|Japanese|Asia/Tokyo
Beijing|China|Asia|Chinese|Asia/Shanghai
Shanghai|China|Asia|Chinese|Asia/Shanghai
Shenzhen|China|Asia|Chinese|Asia/Shanghai
Seoul|South Korea|Asia|Korean|Asia/Seoul
Busan|South Korea|Asia|Korean|Asia/Seoul
Bangkok|Thailand|Asia|Thai|Asia/Bangkok
Jakarta|Indonesia|Asia|Indonesian|Asia/Jakarta
Delhi|India|Asia|Hindi|Asia/Kolkata
Jaipur|India|Asia|Hindi|Asia/Kolkata
Tehran|Iran|Asia|Persian|Asia/Tehran
Shiraz|Iran|Asia|Persian|Asia/Tehran
Baghdad|Iraq|Asia|Arabic|Asia/Baghdad
Basra|Iraq|Asia|Arabic|Asia/Baghdad
Riyadh|Saudi Arabia|Asia|Arabic|Asia/Riyadh
Jeddah|Saudi Arabia|Asia|Arabic|Asia/Riyadh
Damascus|Syria|Asia|Arabic|Asia/Damascus
Beirut|Lebanon|Asia|Arabic|Asia/Beirut
Amman|Jordan|Asia|Arabic|Asia/Amman
Dubai|United Arab Emirates|Asia|Arabic|Asia/Dubai
Novosibirsk|Russia|Asia|Russian|Asia/Novosibirsk
Vladivostok|Russia|Asia|Russian|Asia/Vladivostok
Cairo|Egypt|Africa|Arabic|Africa/Cairo
Alexandria|Egypt|Africa|Arabic|Africa/Cairo
Casablanca|Morocco|Africa|Arabic|Africa/Casablanca
Tunis|Tunisia|Africa|Arabic|Africa/Tunis
Algiers|Algeria|Africa|Arabic|Africa/Algiers
Tripoli|Libya|Africa|Arabic|Africa/Tripoli
Dakar|Senegal|Africa|French|Africa/Dakar
Abidjan|Ivory Coast|Africa|French|Africa/Abidjan
Libreville|Gabon|Africa|French|Africa/Libreville
Cotonou|Benin|Africa|French|Africa/Porto-Novo
Lagos|Nigeria|Africa|English|Africa/Lagos
Abuja|Nigeria|Africa|English|Africa/Lagos
Accra|Ghana|Africa|English|Africa/Accra
Lusaka|Zambia|Africa|English|Africa/Lusaka
Monrovia|Liberia|Africa|English|Africa/Monrovia
Luanda|Angola|Africa|Portuguese|Africa/Luanda
Maputo|Mozambique|Africa|Portuguese|Africa/Maputo
Malabo|Equatorial Guinea|Africa|Spanish|Africa/Malabo
Chicago|United States|North America|English|America/Chicago
Houston|United States|North America|English|America/Chicago
Boston|United States|North America|English|America/New_York
Miami|United States|North America|English|America/New_York
Denver|United States|North America|English|America/Denver
Seattle|United States|North America|English|America/Los_Angeles
Toronto|Canada|North America|English|America/Toronto
Vancouver|Canada|North America|English|America/Vancouver
Montreal|Canada|North America|French|America/Toronto
Quebec|Canada|North America|French|America/Toronto
Havana|Cuba|North America|Spanish|America/Havana
Monterrey|Mexico|North America|Spanish|America/Monterrey
Guadalajara|Mexico|North America|Spanish|America/Mexico_City
Managua|Nicaragua|North America|Spanish|America/Managua
Kingston|Jamaica|North America|English|America/Jamaica
Lima|Peru|South America|Spanish|America/Lima
Bogota|Colombia|South America|Spanish|America/Bogota
Medellin|Colombia|South America|Spanish|America/Bogota
Quito|Ecuador|South America|Spanish|America/Guayaquil
Santiago|Chile|South America|Spanish|America/Santiago
Caracas|Venezuela|South America|Spanish|America/Caracas
Montevideo|Uruguay|South America|Spanish|America/Montevideo
Brasilia|Brazil|South America|Portuguese|America/Sao_Paulo
Salvador|Brazil|South America|Portuguese|America/Bahia
Recife|Brazil|South America|Portuguese|America/Recife
Manaus|Brazil|South America|Portuguese|America/Manaus
Cayenne|French Guiana|South America|French|America/Cayenne
Georgetown|Guyana|South America|English|America/Guyana
Paramaribo|Suriname|South America|Dutch|America/Paramaribo
Sydney|Australia|Oceania|English|Australia/Sydney
Melbourne|Australia|Oceania|English|Australia/Melbourne
Brisbane|Australia|Oceania|English|Australia/Brisbane
Perth|Australia|Oceania|English|Australia/Perth
Auckland|New Zealand|Oceania|English|Pacific/Auckland
Suva|Fiji|Oceania|English|Pacific/Fiji
Noumea|New Caledonia|Oceania|French|Pacific/Noumea
Papeete|French Polynesia|Oceania|French|Pacific/Tahiti
"""


def _parse() -> tuple[City, ...]:
    keys = ("name", "country", "continent", "language", "timezone")
    rows = (line.split("|") for line in _ROWS.strip().splitlines())
    return tuple(City(**dict(zip(keys, row, strict=True))) for row in rows)


CITIES: tuple[City, ...] = _parse()
ATTRIBUTES: tuple[str, ...] = ("country", "continent", "language", "timezone")
