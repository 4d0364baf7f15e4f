"""Configuration: who beats whom, and errors that name the setting and what is allowed."""

import traceback

import pytest

from shared.runtime.settings import ConfigurationError, MarketSettings, PlatformSettings, load


@pytest.fixture
def yaml_file(tmp_path, monkeypatch):
    path = tmp_path / "trading.yaml"
    monkeypatch.setenv("TRADING_CONFIG", str(path))
    return path


def test_environment_beats_the_file_and_overrides_beat_both(yaml_file, monkeypatch):
    yaml_file.write_text("trading_account: file\nmarket: {fee_ratio: 0.002, venue: file}\n")
    assert load(PlatformSettings).account == "mock-file"
    assert load(PlatformSettings).market.fee_ratio == 0.002
    monkeypatch.setenv("MARKET__FEE_RATIO", "0.003")
    assert (load(MarketSettings).fee_ratio, load(MarketSettings).venue) == (0.003, "file")
    assert load(MarketSettings, fee_ratio=0.004).fee_ratio == 0.004


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRADING_MODE", "lve", "'mock', 'paper' or 'live'"),
        ("DB_PORT", "70000", "less than or equal to 65535"),
        ("MARKET__INTERVAL", "2h", "'1h'"),
        ("MARKET__FEE_RATIO", "x", "MARKET__FEE_RATIO"),
        ("MARKET__FEES", "0.1", "no such setting; known are"),
        ("MARKET__INSTRUMENTS", "BTC-USDT,ETH-EUR", "set MARKET__REPORTING_CURRENCY"),
        ("MARKET__INSTRUMENTS", "BTCUSDT", "BASE-QUOTE"),
        ("TRADING_CONFIG", "/nowhere/trading.yaml", "cannot be read"),
        ("MARKET__RULES", "notjson", "MARKET__RULES: is no JSON"),
        ("MARKET__RULES", "[1]", "MARKET__RULES"),
        ("MARKET", "foo", "MARKET: is a section; set MARKET__"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=says):
        load(PlatformSettings)


def test_an_unknown_section_of_the_file_is_named(yaml_file):
    yaml_file.write_text("markt: {}\n")
    with pytest.raises(ConfigurationError, match="'markt' is no section"):
        load(PlatformSettings)


@pytest.mark.parametrize("keys", ["short:abc", "root:" + "k" * 40, "read:" + "k" * 31])
def test_weak_or_unscoped_keys_are_refused_without_being_shown(keys):
    settings = load(PlatformSettings, trading_api_keys=keys)
    with pytest.raises(ConfigurationError) as caught:
        settings.keys()
    assert "kkk" not in caught.value.detail


def test_the_remedy_for_a_weak_key_makes_one_that_is_accepted():
    with pytest.raises(
        ConfigurationError, match=r"openssl rand -hex 32.*TRADING_API_KEYS=read:KEY"
    ):
        load(PlatformSettings, trading_api_keys="read:short").keys()
    assert load(PlatformSettings, trading_api_keys="read:" + "0f" * 32).keys()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('db_user: me\ndb_password: "supersecret12345\n', "line 3: found unexpected end of stream"),
        ("db_password: [supersecret12345\n", "line 2: expected"),
        ("db_password: *supersecret12345\n", "line 1: an alias"),
        ("db_password: !supersecret12345 x\n", "line 1: an alias"),
        ("db_password: !supersecret12345!x y\n", "line 1: an alias"),
        ("db_password: supersecret12345: x\n", "line 1: mapping values are not allowed"),
        ("db_password: 2024-99-99\n", "quote it"),
        (b"db_password: supersecret12345\xff\xfe\n", "save it as UTF-8"),
        (b"\x00\x01\x02", "save it as UTF-8"),
        ("[" * 5000, "cannot be read"),
        ("- a\n", "must be a mapping of sections"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_shows_no_line_of_it(yaml_file, text, says):
    yaml_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError, match=says) as caught:
        load(PlatformSettings)
    assert "supersecret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "market:\n"])
def test_an_empty_file_leaves_everything_as_it_is(yaml_file, text):
    yaml_file.write_text(text)
    assert load(PlatformSettings).market == load(MarketSettings)


def test_secrets_are_not_printed():
    settings = load(
        PlatformSettings, db_password="hunter2-hunter2", trading_api_keys="read:" + "k" * 40
    )
    assert "hunter2" not in repr(settings) + str(settings.model_dump(mode="json")) + repr(
        settings.database()
    )


def test_the_environment_beats_the_file_in_a_section_of_the_platform_too(yaml_file, monkeypatch):
    yaml_file.write_text("market: {interval: 4h, venue: file}\n")
    monkeypatch.setenv("MARKET__INTERVAL", "1d")
    market = load(PlatformSettings).market
    assert (market.interval, market.venue) == ("1d", "file")


@pytest.mark.parametrize("name", ["TRADING_MODES", "DB_HOSTS", "REDIS_URL", "MARKET__FEES"])
def test_a_misspelt_name_in_the_environment_stops_the_start(monkeypatch, name):
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigurationError, match=f"{name}: no such setting"):
        load(PlatformSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_SERVICE_HOST", "10.0.0.7"),
        ("REDIS_PORT_6379_TCP_ADDR", "10.0.0.7"),
        ("TRADING_RISK_PORT", "tcp://10.0.0.7:8027"),
        ("TRADING_API_KEY", "k" * 40),
    ],
)
def test_what_kubernetes_and_the_command_line_put_there_is_not_ours(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert load(PlatformSettings).mode == "mock"


def test_a_secret_of_the_wrong_type_is_named_but_not_shown(yaml_file):
    yaml_file.write_text("db_password: 12345678\n")
    with pytest.raises(ConfigurationError, match="DB_PASSWORD") as caught:
        load(PlatformSettings)
    assert "12345678" not in "".join(traceback.format_exception(caught.value))


def test_a_section_that_is_no_mapping_is_named(yaml_file):
    yaml_file.write_text("market: [1]\n")
    with pytest.raises(ConfigurationError, match="'market' must be a mapping"):
        load(MarketSettings)


def test_secrets_come_from_files_without_their_line_ends(tmp_path, monkeypatch):
    for name in ("DB_PASSWORD", "REDIS_PASSWORD", "TRADING_API_KEYS"):
        (tmp_path / name).write_text(f"read:{'k' * 40}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = load(PlatformSettings)
    assert settings.redis() is None
    monkeypatch.setenv("REDIS_HOST", "redis")
    redis = load(PlatformSettings).redis()
    assert settings.database().password == redis.password == "read:" + "k" * 40
    (key,) = settings.keys()
    assert key.principal.scope == "read"
    assert settings.secrets() == ("read:" + "k" * 40, "read:" + "k" * 40, "k" * 40, "")
    (tmp_path / "DB_PASSWORD").write_bytes(b"supersecret\xff")
    with pytest.raises(ConfigurationError, match=r"DB_PASSWORD_FILE=.*is no text") as caught:
        load(PlatformSettings).database()
    assert "supersecret" not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setenv("DB_PASSWORD_FILE", "/nowhere/password")
    with pytest.raises(ConfigurationError, match="DB_PASSWORD_FILE"):
        load(PlatformSettings).database()
