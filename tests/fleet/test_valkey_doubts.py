"""A server that may lose what it acknowledges is doubted, with what to change."""

import pytest

from daemon.fleet import valkey_doubts
from daemon.fleet.valkey import open_log
from daemon.fleet.valkey_doubts import SETTINGS
from tests.support.stage import Stage
from tests.support.valkey_process import ValkeyProcess, free_port

SOUND = {
    "valkey_version": "8.0.1",
    "redis_version": "7.2.4",
    "cluster_enabled": "0",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "aof_enabled": "1",
    "slave0": "ip=10.0.0.8,port=6379,state=online,offset=14,lag=1,type=replica",
}
SYNCED = dict(zip(SETTINGS, ("always", "no"), strict=True))


@pytest.fixture(scope="module")
def server(shared_stage: Stage) -> ValkeyProcess:
    """A server that syncs every write."""
    server = ValkeyProcess(shared_stage.child, shared_stage.subdirectory("valkey"))
    server.start()
    return server


def doubts(durability: str, **changed: str) -> list[str]:
    return list(valkey_doubts.doubts(SOUND | changed, SYNCED, durability))


@pytest.mark.parametrize("durability", ["synchronous", "below", "single"])
def test_a_sound_server_is_not_doubted(durability: str) -> None:
    assert doubts(durability) == []


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"valkey_version": "7.1.9"}, "Valkey 7.1.9 is too old: use 7.2 or newer"),
        ({"cluster_enabled": "1"}, "the server is part of a cluster"),
        ({"role": "slave"}, "the server is no primary"),
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru"),
        ({"aof_enabled": "0"}, "appendonly is off"),
        ({"slave0": "ip=10.0.0.8,port=6379,state=wait_bgsave,offset=0,lag=0"}, "no replica is connected"),
        ({"slave0": "ip=10.0.0.8,port=6379,state=online,offset=14,lag=9"}, "no replica is connected"),
    ],
)
def test_what_info_says_is_doubted(changed: dict[str, str], doubt: str) -> None:
    found = doubts("synchronous", **changed)
    assert len(found) == 1
    assert found[0].startswith(doubt)


def test_redis_needs_the_version_with_waitaof_only_for_replicas() -> None:
    redis = {name: value for name, value in SOUND.items() if name != "valkey_version"} | {"redis_version": "7.0.15"}
    assert list(valkey_doubts.doubts(redis, SYNCED, "single")) == []
    [doubt] = valkey_doubts.doubts(redis, SYNCED, "synchronous")
    assert doubt == "Redis 7.0.15 is too old: use 7.2 or newer, the first with WAITAOF"
    [doubt] = valkey_doubts.doubts(redis | {"redis_version": "6.2.7"}, SYNCED, "single")
    assert doubt == "Redis 6.2.7 is too old: use 7.0 or newer, the oldest that is supported"


def test_where_the_maker_promises_durability_only_its_memory_is_asked() -> None:
    assert list(valkey_doubts.doubts(SOUND | {"aof_enabled": "0", "slave0": ""}, None, "below")) == []
    assert doubts("below", maxmemory_policy="volatile-ttl")


def test_a_replica_that_says_nothing_is_not_waited_for() -> None:
    late = {"slave1": "ip=10.0.0.9,port=6379,state=online,offset=14,lag=3"}
    assert valkey_doubts.replicas(SOUND) == 1
    assert valkey_doubts.replicas(SOUND | late) == 1
    assert valkey_doubts.replicas(SOUND | {"slave1": late["slave1"].replace("lag=3", "lag=2")}) == 2


@pytest.mark.parametrize(
    ("name", "value", "doubt"),
    [
        ("appendonly", "no", "appendonly is off"),
        ("appendfsync", "everysec", "appendfsync is everysec"),
        ("no-appendfsync-on-rewrite", "yes", "no-appendfsync-on-rewrite is on"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy is allkeys-lru"),
    ],
)
async def test_a_real_server_with_another_setting_is_doubted(
    server: ValkeyProcess, name: str, value: str, doubt: str
) -> None:
    async with open_log(server.url, "main", "single", None) as backend:
        with server.client() as client:
            before = client.config_get(name)[name]
            client.config_set(name, value)
            try:
                [found] = await backend.doubts("single")
            finally:
                client.config_set(name, before)
        assert found.startswith(doubt)


async def test_a_server_without_a_replica_is_doubted(server: ValkeyProcess) -> None:
    async with open_log(server.url, "main", "synchronous", None) as backend:
        [found] = await backend.doubts("synchronous")
        assert found.startswith("no replica is connected")


async def test_a_server_that_hides_its_settings_is_doubted(server: ValkeyProcess) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "narrow", "on", "nopass", "~*", "&*", "+@all", "-config")
    url = server.tcp_url.replace("//", "//narrow@")
    async with open_log(url, "main", "single", None) as backend:
        [found] = await backend.doubts("single")
        assert found.startswith("the server does not show its settings (CONFIG GET is forbidden)")


async def test_a_cluster_is_doubted(own_stage: Stage) -> None:
    directory, bus = own_stage.subdirectory("node"), f"{free_port()}"
    node = ValkeyProcess(own_stage.child, directory, cluster_enabled="yes", cluster_port=bus)
    node.start()
    async with open_log(node.url, "main", "single", None) as backend:
        [found] = await backend.doubts("single")
        assert found.startswith("the server is part of a cluster")
