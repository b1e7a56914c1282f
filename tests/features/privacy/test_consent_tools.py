"""What tools for consent send is heard where it refuses, in codes, lists and decorated names."""

from __future__ import annotations

from typing import Any

import pytest

from features.privacy.coded import code_refuses
from tests.support.after_a_fact import GOES_ON, HELD, becomes


def consent_string(purposes: str) -> str:
    """A consent string of TCF 2 with these purposes, a bit for each."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits = "000010" + "01" * 73 + purposes.ljust(24, "0") + "0" * 40
    return "".join(letters[int(bits[n : n + 6], 2)] for n in range(0, len(bits) // 6 * 6, 6))


ALL, NO_PROFILE = consent_string("1" * 10), consent_string("1101111111")
CODES: dict[str, bool | None] = {
    "1YYN": True, "1YNN": False, "1---": False, "G100": True, "G110": True, "G101": True,
    "G111": False, "13q3q3q3q5": True, "11p1t1p1t5": True, "13t3t3t3t5": False,
    "0000000000": True, "1100000000": True, "1111111111": False, "1111110000": False,
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQ": True,
    NO_PROFILE: True, ALL: False, ALL + ".YAAAAAAAAAAA": False,
    "groups=C0001:1,C0004:0": True, "groups=C0001:1,C0002:1,C0004:1": False,
    ",C0001,C0002,": True, ",C0001,C0004,": False,
    "m-1": None, "": None, "denied": None, "10110": None,
}  # fmt: skip
REFUSE: tuple[dict[str, Any], ...] = (
    {"gcs": "G100"}, {"gcd": "13q3q3q3q5"}, {"ccpa": "1YYN"}, {"tc_string": NO_PROFILE},
    {"IABTCF_TCString": NO_PROFILE}, {"euconsent-v2": NO_PROFILE}, {"consent": NO_PROFILE},
    {"purposeConsents": "0000000000"}, {"purpose_consents": {"1": True, "3": False}},
    {"OptanonConsent": "groups=C0001:1,C0004:0"}, {"OnetrustActiveGroups": ",C0001,"},
    {"data_processing_options": ["LDU"]}, {"ldu": 1}, {"processing_restricted": True},
    {"gdpr_consent": False}, {"gdprConsent": 0}, {"user_consent": "no"}, {"consent_flag": "N"},
    {"consent_ind": "n"}, {"consentInfo": {"status": "DENIED"}},
    {"adobe_consents": {"collect": {"val": "n"}}}, {"my_consents": [True, "revoked"]},
    {"refused": ["profiling"]}, {"opt_outs": ["dpv:Profiling", "x"]},
    {"optOutPurposes": "profiling"}, {"didomi": {"purposes": {"disabled": ["profiling"]}}},
    {"objected_to": ["personalisation"]}, {"excluded_from": "profiling"},
    {"opt_out": {"profiling": True}}, {"revoked": {"profiling": 1}},
    {"profiling_blocked": True}, {"profilingDisabled": "yes"}, {"suppress_profiling": 1},
    {"exclude_from_profiling": True}, {"profiling_paused_at": 1_704_067_200_000},
    {"unsubscribe": 1}, {"unsubscribed_at": "2024-01-01"}, {"profilable": False},
    {"Auskunftssperre": "ja"}, {"ex_directory": True}, {"liste_rouge": True},
)  # fmt: skip
REFUSE_ALONE: tuple[dict[str, Any], ...] = (
    {"marketing_suppressed": True}, {"tracking_disabled": True}, {"advertising_stopped": 1},
    {"article": "Art. 21 GDPR"}, {"gdpr_article": 17}, {"basis": "DSGVO Art 7(3)"},
    {"marketable": "no"},
)  # fmt: skip
NOT: tuple[dict[str, Any], ...] = (
    {"gcs": "G111"}, {"tc_string": ALL}, {"ccpa": True}, {"gdpr": 1}, {"gdpr_applies": True},
    {"purposeConsents": "1111111111"}, {"purpose_consents": {"1": True, "3": True}},
    {"OptanonConsent": "groups=C0001:1,C0002:1,C0003:1,C0004:1"}, {"vendor_consents": {"7": False}},
    {"purposes_of": {"enabled": ["profiling"], "disabled": []}}, {"consent_id": 0},
    {"consent_version": 0}, {"camera_consent": False}, {"consent_language": "no"},
    {"consent_required": False},
    {"needs_consent": "no"}, {"consent_count": 0}, {"gdpr_consent": True},
    {"opt_outs": []}, {"refused": ["delivery"]}, {"declined": "card"}, {"blocked": ["ads"]},
    {"disabled": ["bluetooth"]}, {"profiling_blocked": False}, {"advertising_block_id": 1},
    {"ads_blocked": 12}, {"marketing_stopped": 0}, {"marketing_cancelled_orders": 3},
    {"unsubscribe_link": "https://op.example/1"}, {"unsubscribe_count": 1},
    {"pin": "000000"}, {"code": "G100"}, {"sku": "1YYN"}, {"token": NO_PROFILE},
    {"ldu": False}, {"article": "17"}, {"article": 21}, {"interests": ["advertising"]},
    {"segments": ["ads", "marketing"]}, {"personalisation": 1}, {"profilable": True},
)  # fmt: skip
CMP = {"kind": "cmp_event", "page": "p"}
KNOWN: tuple[dict[str, Any], ...] = (
    {"kind": "purchase", "interest": "483"}, {"kind": "consent", "status": "granted"},
    {"kind": "registry", "device_id": "d", "adult": True},
)  # fmt: skip


@pytest.mark.parametrize("text", CODES)
def test_a_code_is_read(text: str) -> None:
    assert code_refuses(text) is CODES[text]


@pytest.mark.parametrize("said", [*REFUSE, *REFUSE_ALONE], ids=str)
def test_what_refuses_in_a_fact_of_no_known_kind_holds_the_account(said: dict[str, Any]) -> None:
    assert becomes(CMP | said) == HELD


@pytest.mark.parametrize("said", REFUSE, ids=str)
@pytest.mark.parametrize("known", KNOWN, ids=lambda fact: str(fact["kind"]))
def test_what_refuses_beside_a_known_fact_refuses(
    known: dict[str, Any], said: dict[str, Any]
) -> None:
    assert becomes(known | said) == HELD


@pytest.mark.parametrize("said", NOT, ids=str)
@pytest.mark.parametrize("fact", [CMP, *KNOWN], ids=lambda fact: str(fact["kind"]))
def test_what_grants_or_says_something_else_holds_nobody(
    fact: dict[str, Any], said: dict[str, Any]
) -> None:
    assert becomes(fact | said) == GOES_ON


@pytest.mark.parametrize("name", ["right", "request_type", "dsar"])
@pytest.mark.parametrize("what", ["erasure", "objection", "delete"])
def test_a_grant_in_which_somebody_asks_for_a_right_grants_nothing(name: str, what: str) -> None:
    assert becomes({"kind": "consent", "status": "granted", name: what}) == HELD
