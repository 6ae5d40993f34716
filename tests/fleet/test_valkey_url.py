"""The URL of a Valkey or Redis server: what it may say, and that it may hold no password."""

import pytest

from daemon.errors import BadConfig
from daemon.fleet.valkey_url import address


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("valkey://10.0.0.7", "10.0.0.7:6379"),
        ("valkeys://sniper@db.example:6380/2", "db.example:6380"),
        ("redis://[::1]:7000", "::1:7000"),
        ("valkey:///run/valkey/valkey.sock", "/run/valkey/valkey.sock"),
        ("rediss://u@s1,s2:5000,s3/1?sentinel=main", "main of Sentinels s1:26379, s2:5000, s3:26379"),
    ],
)
def test_a_url_names_a_server_a_socket_or_sentinels(url: str, place: str) -> None:
    assert str(address(url)) == place


def test_a_url_says_who_where_and_how() -> None:
    found = address("valkeys://sni%40per@db:6380/2?sslrootcert=/ca.pem&sslcert=/me.pem&sslkey=/me.key")
    assert (found.user, found.database, found.is_encrypted) == ("sni@per", 2, True)
    assert found.files == {"ssl_ca_certs": "/ca.pem", "ssl_certfile": "/me.pem", "ssl_keyfile": "/me.key"}
    assert not address("valkey://db").is_encrypted


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("valkey://me:hunter22@db", "it holds a password"),
        ("valkey://:hunter22@db", "it holds a password"),
        ("valkey://db?password=hunter22", "password is no parameter"),
        ("http://db", "it is no address of a Valkey or Redis server"),
        ("valkey://db/0#hunter22", "it is no address of a Valkey or Redis server"),
        ("valkey://a,b/0", "it names several servers, and no Sentinel's name for them"),
        ("valkey://a,/0?sentinel=main", "a host's name is empty"),
        ("valkey:///s?sentinel=main", "it names no Sentinel's address"),
        ("valkey://", "it names no host"),
        ("valkey://db/main", "the database is a number"),
        ("valkey://db:port", "Port could not be cast"),
    ],
)
def test_any_other_url_is_refused_and_not_repeated(url: str, why: str) -> None:
    with pytest.raises(BadConfig, match=why) as refused:
        address(url)
    assert "hunter22" not in str(refused.value)
