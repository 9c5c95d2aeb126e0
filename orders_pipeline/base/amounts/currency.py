"""ISO 4217 currencies: which codes exist, and how many decimals their minor unit has."""

from __future__ import annotations

_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS
VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
# Withdrawn codes that order files of past years still carry.
_WITHDRAWN = "ANG CUC HRK MRO SLL STD VEF ZMK ZWL"

MINOR_DIGITS: dict[str, int] = {
    code: digits
    for digits, codes in ((2, _TWO), (0, _NONE), (3, _THREE), (4, _FOUR), (2, _WITHDRAWN))
    for code in codes.split()
}


class UnknownCurrencyError(ValueError):
    """A text is not the code of a currency."""


def currency_code(text: str) -> str:
    """Returns the ISO 4217 code in upper case; `eur` and `EUR` are the same.

    Raises:
        UnknownCurrencyError: there is no such currency.
    """
    code = text.strip().upper()
    if code not in MINOR_DIGITS:
        raise UnknownCurrencyError(f"{text[:10]!r} is not an ISO 4217 code such as USD")
    return code


def minor_digits(code: str) -> int:
    """Number of decimals of the minor unit of an upper-case ISO 4217 code: 2 for USD, 0 for JPY.

    Raises:
        KeyError: there is no such currency.
    """
    return MINOR_DIGITS[code]
