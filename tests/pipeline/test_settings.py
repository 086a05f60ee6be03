"""Settings of a region from all sources, places on the machine, and keys that never show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import timeit
import tomllib
from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline import settings
from pipeline.errors import ConfigError, UsageError

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ("KR", "US", "CN", "HK", "JP", "VN", "AU", "UK", "EU")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, no variable of ours, no key."""
    for name in [*(key for key in os.environ if key.startswith("SPOCK_")), "CREDENTIALS_DIRECTORY"]:
        monkeypatch.delenv(name, raising=False)
    for name in ("KIS_APP_KEY", "KIS_APP_SECRET", "POLYGON_API_KEY", "MARKETAUX_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("SPOCK_HOME", str(folder))
    monkeypatch.setattr("pipeline.resources.checkout_root", lambda: None)
    settings.clear_cache()
    return folder


def write(home: Path, text: str) -> None:
    (home / "settings.toml").write_text(text, encoding="utf-8")
    settings.clear_cache()


# ---- regions ----


def test_nine_regions_in_their_order() -> None:
    assert settings.available_regions() == REGIONS


def test_every_region_has_a_file_and_every_file_a_region() -> None:
    folder = ROOT / "pipeline" / "regions"
    codes = {path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["region"] for path in folder.glob("*.toml")}
    assert codes == {code: code for code in REGIONS}


@pytest.mark.parametrize("code", REGIONS)
def test_a_region_is_complete(code: str) -> None:
    config = settings.get_config(code)
    assert config.region == code
    assert set(config.chain) == {
        *("universe", "listing", "history", "market_day", "corporate_actions", "index", "fx", "quote", "news")
    }
    assert all(config.chain.values())
    assert len(config.banks) == 4
    assert 8 <= len(config.watchlist) <= 12
    assert all(index.codes for index in config.indices)


def test_every_region_is_live() -> None:
    assert {code: settings.get_config(code).status for code in REGIONS} == dict.fromkeys(REGIONS, "live")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("KR", "KR"), ("kr", "KR"), ("Korea", "KR"), ("KRX", "KR"), ("USA", "US"), ("us", "US"), ("ASX", "AU")),
        *(("gb", "UK"), ("Britain", "UK"), ("Euronext", "EU"), ("europe", "EU"), ("China", "CN"), ("japan", "JP")),
        *(("Hong Kong", "HK"), ("hong-kong", "HK"), ("HONGKONG", "HK"), ("viet nam", "VN"), (" vietnam ", "VN")),
        ("australia", "AU"),
    ],
)
def test_a_region_answers_to_its_aliases_in_any_case(text: str, code: str) -> None:
    assert settings.resolve_region(text) == code
    assert settings.get_config(text).region == code


def test_no_alias_belongs_to_two_regions() -> None:
    aliases = [alias.casefold().replace(" ", "") for code in REGIONS for alias in settings.get_config(code).aliases]
    assert sorted(aliases) == sorted(set(aliases))


@pytest.mark.parametrize("text", ["", "mars", "K R X X"])
def test_an_unknown_region_names_the_known_ones(text: str) -> None:
    with pytest.raises(UsageError, match=f"unknown region '{text}'; known are KR, US, CN"):
        settings.get_config(text)


def test_korea_as_the_design_has_it() -> None:
    config = settings.get_config("korea")
    assert [(venue.mic, venue.calendar, venue.lot) for venue in config.venues] == [
        ("XKRX", "XKRX", 1),
        ("XKOS", "XKRX", 1),
    ]
    assert config.codes["kis"] == {"XKRX": "J", "XKOS": "J"}
    assert {index.code: index.codes["kis"] for index in config.indices} == {"KOSPI": "0001", "KOSDAQ": "1001"}
    assert config.chain["history"] == ("kis", "yfinance")
    rule = config.venues[0].final_at_for("kis")
    assert (rule.time, rule.timezone, rule.day_offset) == (time(20, 5), "Asia/Seoul", 0)
    assert config.universe.security_types == ("common", "preferred", "reit", "foreign", "depositary_receipt")
    assert config.universe.top is None


def test_a_provider_may_have_its_own_finality() -> None:
    venue = settings.get_config("US").venues[0]
    late = venue.final_at_for("kis")
    assert (late.time, late.timezone, late.day_offset) == (time(12, 30), "Asia/Seoul", 1)
    assert venue.final_at_for("polygon") == venue.final_at["default"]


def test_limits_of_kis() -> None:
    hosts = settings.get_config("KR").providers["kis"].hosts
    limits = {account: [(limit.requests, limit.seconds) for limit in host.limits] for account, host in hosts.items()}
    assert limits == {"real": [(18, 1.0), (1000, 60.0)], "paper": [(1, 1.0)]}


@pytest.mark.parametrize(
    ("code", "tickers", "others"),
    [
        ("KR", ["005930", "0013V0", "00088K"], ["5930", "F70100009", "00593a"]),
        ("US", ["AAPL", "BRK.B", "ABR-D", "C"], ["BRK/B", "aapl", "TOOLONG"]),
        ("CN", ["600519", "688981", "000001", "300750", "302132"], ["900901", "60051", "200002"]),
        ("HK", ["00700", "09988"], ["700", "0700"]),
        ("JP", ["7203", "285A", "25935"], ["720", "A203"]),
        ("VN", ["FPT", "C4G"], ["VNINDEX"]),
        ("AU", ["CBA", "A2M", "14D"], ["CBA.AX"]),
        ("UK", ["LLOY", "BP.", "BT.A"], ["LLOY.L1"]),
        ("EU", ["BNP", "SAN:XMAD", "1COV"], ["BNP.PA"]),
    ],
)
def test_ticker_patterns_admit_the_venues_own_spelling(code: str, tickers: list[str], others: list[str]) -> None:
    patterns = settings.get_config(code).ticker_patterns
    taken = [text for text in tickers + others if any(re.fullmatch(pattern, text) for pattern in patterns)]
    assert taken == tickers


# ---- sources ----


def test_tables_merge_and_everything_else_is_replaced() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}
    overlay = {"a": {"c": [3]}, "d": 2, "f": {"g": 1}, "h": {"i": {"j": 1}}}
    merged = settings.merge_configs(base, overlay)
    assert merged == {"a": {"b": 1, "c": [3]}, "d": 2, "f": {"g": 1}, "h": {"i": {"j": 1}}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}
    merged["h"]["i"]["j"] = 2
    assert overlay["h"] == {"i": {"j": 1}}


def test_the_homes_file_overrides_all_regions_and_one(home: Path) -> None:
    write(home, "[base.collect]\noverlap_bars = 7\nbatch_pages = 20\n[regions.kr.collect]\nbatch_pages = 30\n")
    korea, america = settings.get_config("KR").collect, settings.get_config("US").collect
    assert (korea.overlap_bars, korea.batch_pages) == (7, 30)
    assert (america.overlap_bars, america.batch_pages) == (7, 20)


def test_the_environment_overrides_the_homes_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "[regions.KR.transport]\nread_timeout = 7\n")
    monkeypatch.setenv("SPOCK_TRANSPORT__READ_TIMEOUT", "8.5")
    assert settings.get_config("KR").transport.read_timeout == 8.5
    monkeypatch.setenv("SPOCK_REGIONS__KR__TRANSPORT__READ_TIMEOUT", "9")
    assert settings.get_config("KR").transport.read_timeout == 9.0
    assert settings.get_config("US").transport.read_timeout == 8.5


def test_the_environment_reaches_lists_names_and_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_REGIONS__KR__WATCHLIST", '["005930"]')
    monkeypatch.setenv("SPOCK_PROVIDERS__KIS__ACCOUNT", "paper")
    monkeypatch.setenv("SPOCK_REGIONS__KR__CODES__KIS__XKRX", "UN")
    monkeypatch.setenv("SPOCK_STATUS", "")
    config = settings.get_config("KR")
    assert config.watchlist == ("005930",)
    assert config.providers["kis"].account == "paper"
    assert config.codes["kis"] == {"XKRX": "UN", "XKOS": "J"}
    assert config.status == "live"


def test_names_that_are_no_settings_are_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPOCK_STATE_DIR", "SPOCK_SANDBOX_URL", "SPOCK_NOW", "SPOCK_REDIS_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert settings.get_config("KR").region == "KR"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "SPOCK_TRANSPORT__READ_TIMEOT",
            "3",
            r"transport\.read_timeot: unknown setting \(from SPOCK_TRANSPORT__READ_TIMEOT\); "
            r"did you mean transport\.read_timeout\?",
        ),
        ("SPOCK_TRANSPROT__ATTEMPTS", "3", r"transprot: unknown setting .*; did you mean transport\?"),
        (
            "SPOCK_TRANSPORT__READ_TIMEOUT",
            "fast",
            r"transport\.read_timeout = 'fast' \(from SPOCK_TRANSPORT__READ_TIMEOUT\): expected a valid number",
        ),
        ("SPOCK_TRANSPORT__ATTEMPTS", "0", r"transport\.attempts = '0' .*expected greater than 0"),
        (
            "SPOCK_REGIONS__KR__STATUS",
            "on",
            r"status = 'on' \(from SPOCK_REGIONS__KR__STATUS\): expected 'live', 'test'",
        ),
        ("SPOCK_REGIONS__KR__WATCHLIST", "[005930", r"SPOCK_REGIONS__KR__WATCHLIST: '\[005930' is no JSON"),
        ("SPOCK_REGIONS__MARS__STATUS", "off", "SPOCK_REGIONS__MARS__STATUS: unknown region 'MARS'"),
        ("SPOCK_REGIONS__KR", "off", r"write SPOCK_REGIONS__<CODE>__<SECTION>__<KEY>"),
        ("SPOCK_REGION", "US", "region: says which region this is .*from SPOCK_REGION"),
        ("SPOCK_PROVIDERS__KIS__ACCOUNT", "demo", r"providers\.kis .*account 'demo' is none of real, paper"),
        ("SPOCK_CHAIN__HISTORY", '["kis", "bloomberg"]', "chain.history names the unknown provider 'bloomberg'"),
        ("SPOCK_CHAIN__HISTROY", '["kis"]', r"chain\.histroy: unknown setting .*did you mean chain\.history\?"),
        ("SPOCK_TIMEZONE", "Asia/Soul", "timezone = 'Asia/Soul' .*not an IANA timezone"),
    ],
)
def test_a_variable_that_cannot_be_taken_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        settings.get_config("KR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[base.store]\nreplica = 3\n", r"store\.replica: unknown setting \(from .*settings\.toml\); did you mean"),
        ("[regions.KR]\nlots = 1\n", r"lots: unknown setting \(from .*settings\.toml\)"),
        (
            '[base.store]\nreplicas = "two"\n',
            r"store\.replicas = 'two' \(from .*settings\.toml\): expected a valid int",
        ),
        ("[store]\nreplicas = 3\n", r"store: unknown setting .*below \[base\] or \[regions\.<CODE>\]"),
        ("[regions.mars]\nstatus = 'off'\n", "regions.mars in .*: unknown region 'mars'"),
        ("base = 3\n", "base and regions are tables"),
        ("[regions]\nKR = 3\n", r"regions\.KR is a table"),
        ("[base\n", r"settings\.toml is no TOML: .*line 1"),
        (
            '[[regions.KR.venues]]\nmic = "XKRX"\nname = "x"\ncalendar = "XKRX"\nlot = 1\nfinal = 1\n',
            r"venues\.0\.final: unknown setting \(from .*settings\.toml\); did you mean venues\.0\.final_at\?",
        ),
    ],
)
def test_a_file_that_cannot_be_taken_is_named(home: Path, text: str, message: str) -> None:
    write(home, text)
    with pytest.raises(ConfigError, match=message):
        settings.get_config("KR")


def test_another_regions_table_does_not_disturb(home: Path) -> None:
    write(home, "[regions.US]\nlots = 1\n")
    assert settings.get_config("KR").region == "KR"


def test_a_configuration_is_frozen() -> None:
    config = settings.get_config("KR")
    with pytest.raises(ValidationError, match="frozen"):
        config.name = "Corea"  # type: ignore[misc]


def test_a_warm_configuration_is_the_same_object_in_under_a_millisecond() -> None:
    assert settings.get_config("KR") is settings.get_config("korea")
    assert timeit.timeit(lambda: settings.get_config("KR"), number=200) / 200 < 0.001


def test_settings_import_no_heavy_package() -> None:
    code = (
        "import sys; from pipeline import settings; settings.get_config('KR')\n"
        "print(sorted({'polars', 'duckdb', 'pandas', 'httpx', 'pydantic_settings'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# ---- places ----


def test_the_home_is_where_the_variable_says(home: Path) -> None:
    assert settings.home() == home


def test_the_home_of_a_checkout_is_its_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOCK_HOME")
    monkeypatch.setattr("pipeline.resources.checkout_root", lambda: tmp_path)
    assert settings.home() == tmp_path / "data"


def test_elsewhere_the_home_is_the_xdg_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOCK_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert settings.home() == tmp_path / "spock"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert settings.home() == Path.home() / ".local/share/spock"


def test_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert settings.state_dir() == Path.home() / ".local/state/spock"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert settings.state_dir() == tmp_path / "spock"
    monkeypatch.setenv("SPOCK_STATE_DIR", "~/shared")
    assert settings.state_dir() == Path.home() / "shared"


def test_a_sandbox_redirects_and_marks_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (settings.sandbox_url(), settings.origin()) == (None, "live")
    monkeypatch.setenv("SPOCK_SANDBOX_URL", "http://127.0.0.1:8800/")
    assert (settings.sandbox_url(), settings.origin()) == ("http://127.0.0.1:8800", "sandbox")


def test_a_sandbox_address_needs_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_SANDBOX_URL", "127.0.0.1:8800")
    with pytest.raises(ConfigError, match=r"SPOCK_SANDBOX_URL '127\.0\.0\.1:8800' is no address"):
        settings.sandbox_url()


# ---- keys ----


def dotenv(folder: Path, text: str, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / ".env"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def value(name: str) -> str | None:
    found = settings.secret(name)
    return None if found is None else found.get_secret_value()


def test_a_key_that_nobody_set_is_missing() -> None:
    assert settings.secret("KIS_APP_KEY") is None


def test_sources_of_a_key_in_their_order(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout, credentials = tmp_path / "checkout", tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setattr("pipeline.resources.checkout_root", lambda: checkout)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    dotenv(checkout, "KIS_APP_KEY=of-checkout\n")
    assert value("KIS_APP_KEY") == "of-checkout"
    dotenv(home, "KIS_APP_KEY=of-home\n")
    assert value("KIS_APP_KEY") == "of-home"
    (credentials / "KIS_APP_KEY").write_text("of-systemd\n", encoding="utf-8")
    assert value("KIS_APP_KEY") == "of-systemd"
    monkeypatch.setenv("KIS_APP_KEY", "of-env\n")
    assert value("KIS_APP_KEY") == "of-env"


def test_a_key_file_is_read_as_people_write_it(home: Path) -> None:
    dotenv(home, "# keys\n\nexport KIS_APP_KEY = 'a=b#c' \nKIS_APP_SECRET=\"s\"\n#POLYGON_API_KEY=no\nEMPTY=\n")
    names = ("KIS_APP_KEY", "KIS_APP_SECRET", "POLYGON_API_KEY", "EMPTY")
    assert [value(name) for name in names] == ["a=b#c", "s", None, None]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_may_read_is_refused(home: Path, mode: int) -> None:
    path = dotenv(home, "KIS_APP_KEY=k-12345\n", mode)
    with pytest.raises(ConfigError, match=f"{path} holds keys and others may read it .mode 0{mode:o}.: run chmod 600"):
        settings.secret("KIS_APP_KEY")


def test_a_key_never_shows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_APP_KEY", "k-12345")
    path = dotenv(home, "KIS_APP_SECRET=s-12345\n")
    shown = settings.describe("KR")
    assert shown["secrets"] == {
        "KIS_APP_KEY": "set (env)",
        "KIS_APP_SECRET": f"set ({path})",
        "MARKETAUX_API_TOKEN": "missing",
    }
    text = json.dumps(shown) + repr(settings.secret("KIS_APP_KEY")) + str(settings.secret("KIS_APP_SECRET"))
    assert "12345" not in text


def test_a_sandbox_gets_its_own_keys_and_never_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_APP_KEY", "k-12345")
    monkeypatch.setenv("SPOCK_SANDBOX_URL", "http://127.0.0.1:8800")
    assert value("KIS_APP_KEY") == "SANDBOX-" + 28 * "0"
    assert value("KIS_APP_SECRET") == "SANDBOX-SECRET-" + 165 * "0"
    assert settings.describe("KR")["secrets"]["KIS_APP_KEY"] == "set (sandbox)"


def test_a_region_is_described_as_plain_values(home: Path) -> None:
    shown = settings.describe("korea")
    assert json.loads(json.dumps(shown)) == shown
    assert shown["venues"][0]["final_at"]["default"] == {
        "time": "20:05:00",
        "timezone": "Asia/Seoul",
        "day_offset": 0,
    }
    assert shown["places"]["home"] == str(home)
    assert shown["places"]["origin"] == "live"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOCK_PROVIDERS__KIS__HOSTS__REAL__LIMITS", "[]"),
        ("SPOCK_TRANSPORT__READ_TIMEOUT", "inf"),
        ("SPOCK_STORE__MEMORY_LIMIT", "lots"),
    ],
)
def test_no_setting_switches_a_limit_or_a_timeout_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        settings.get_config("KR")
