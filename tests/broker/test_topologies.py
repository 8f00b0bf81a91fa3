"""The guarantees of the broker with TLS, with Sentinel and with a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dramatiq
import pytest
import redis
import redis.asyncio
from dramatiq.results import Results
from redis.cluster import ClusterNode

from app.broker import AsyncProducer, BrokerUnavailable, Duplicate, Effect, Lane, StreamResultBackend, StreamsBroker
from app.broker.sentinel import parse_sentinel_url
from tests.broker.conftest import working
from tests.broker.delivery import expire, message, nothing_left, take
from tests.broker.servers import SentinelGroup, announce_proxies, cluster, eventually, tls_server
from tests.proxy import FaultProxy


def run_all_operations(broker: StreamsBroker, client: Any, queue: str = "default") -> None:
    """Run every operation of a queue once, with and without a worker."""
    ran: list[Any] = []
    broker.declare_queue(queue)
    backend = StreamResultBackend(broker.client, broker.namespace)
    broker.add_middleware(Results(backend=backend, store_results=True))
    record = f"{broker.keys(queue).tag}:record"

    def act(name: str) -> str:
        ran.append(name)
        if name == "fails once" and ran.count(name) == 1:
            raise RuntimeError
        return name.upper()

    actor = dramatiq.actor(act, actor_name="act", broker=broker, queue_name=queue, min_backoff=1, max_backoff=2)
    effects = [Effect("SET", record, "queued")]
    sent = broker.enqueue(actor.message("first"), effects=effects, dedupe_key=record, max_backlog=10)
    with pytest.raises(Duplicate):
        broker.enqueue(actor.message("again"), effects=effects, dedupe_key=record)
    broker.enqueue_many([actor.message("many"), actor.message_with_options(args=("batch",), lane="batch")])
    actor.send("fails once")
    actor.send_with_options(args=("delayed",), delay=50)
    assert broker.qsize(queue) == 5

    with working(broker):
        assert sent.get_result(backend=backend, block=True, timeout=5_000) == "FIRST"
        broker.join(queue, timeout=10_000)

    assert sorted(set(ran)) == ["batch", "delayed", "fails once", "first", "many"]
    assert client.get(record) == b"queued"
    assert nothing_left(broker, queue)
    lose_and_recover_message(broker, queue)
    broker.flush_all()


def lose_and_recover_message(broker: StreamsBroker, queue: str) -> None:
    """Lose, recover, fence, reject, replay and release a message."""
    broker.enqueue(message("lost", queue=queue), lane=Lane.BATCH)
    lost = take(broker, queue)
    assert broker.fenced(lost, [Effect("INCR", f"{lost.keys.tag}:count")]) == [1]
    (entry,) = broker.pending(queue)
    assert entry.lane is Lane.BATCH
    expire(broker, queue)
    assert broker.recover(queue).requeued == 1
    broker.consume(queue).ack(lost)
    assert broker.fenced_total == 1
    redelivered = take(broker, queue)
    assert redelivered.deliveries == 2
    broker.consume(queue).nack(redelivered)
    (dead_letter,) = broker.dead_letters(queue)
    assert broker.replay_dead(queue, dead_letter.id)
    replayed = take(broker, queue)
    broker.consume(queue).requeue([replayed])
    assert broker.qsize(queue, lane="batch") == 1


def test_tls_supports_all_operations(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (port, certificate):
        broker = StreamsBroker(url=f"rediss://localhost:{port}?ssl_ca_certs={certificate}")
        run_all_operations(broker, broker.client)
        broker.close()

        # And an unknown certificate is rejected
        untrusting = StreamsBroker(url=f"rediss://localhost:{port}")
        with pytest.raises(BrokerUnavailable, match="certificate"):
            untrusting.enqueue(message())
        untrusting.close()


async def test_tls_supports_the_asyncio_producer(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (port, certificate):
        url = f"rediss://localhost:{port}?ssl_ca_certs={certificate}"
        producer = AsyncProducer.from_url(url)
        await producer.enqueue(message("by tls"))
        await producer.close()

        broker = StreamsBroker(url=url)
        broker.declare_queue("default")
        assert take(broker).args == ("by tls",)
        broker.close()


@pytest.fixture(scope="module")
def ports() -> Iterator[list[int]]:
    with cluster() as ports:
        yield ports


class TestSentinel:
    def test_broker_continues_at_the_replica_after_a_failover(self, tmp_path: Path) -> None:
        with SentinelGroup(tmp_path) as group:
            url = f"sentinel://127.0.0.1:1,127.0.0.1:{group.port}/jobs?db=0"
            broker = StreamsBroker(url=url, lease_ms=1_000)
            run_all_operations(broker, broker.client)

            # Given a waiting message and a delivery in progress that the replica has received
            broker.enqueue(message("in progress"))
            broker.enqueue(message("waiting"))
            in_progress = take(broker)
            broker.client.wait(1, 5_000)

            # When the master is killed
            group.fail_over()

            # Then the broker continues at the new master and still owns the delivery
            def finished() -> bool:
                try:
                    broker.consume("default").ack(in_progress)
                except BrokerUnavailable:
                    return False
                return True

            eventually(finished)
            assert broker.fenced_total == 1  # counted by run_all_operations; this finish was not refused
            assert take(broker).args == ("waiting",)
            broker.close()

    async def test_asyncio_producer_finds_the_master(self, tmp_path: Path) -> None:
        with SentinelGroup(tmp_path) as group:
            url = f"sentinel://127.0.0.1:{group.port}/jobs"
            producer = AsyncProducer.from_url(url)
            await producer.enqueue(message("by sentinel"))
            await producer.close()

            broker = StreamsBroker(url=url)
            broker.declare_queue("default")
            assert take(broker).args == ("by sentinel",)
            broker.close()

    def test_enqueue_raises_broker_unavailable_when_no_sentinel_answers(self) -> None:
        broker = StreamsBroker(url="sentinel://127.0.0.1:1,127.0.0.1:2/jobs")

        with pytest.raises(BrokerUnavailable):
            broker.enqueue(message())

    def test_url_is_parsed(self) -> None:
        found = parse_sentinel_url(
            "sentinels://me:pa%40ss@one,[::1]:5000/jobs?db=3&socket_timeout=2.5&sentinel_password=other"
        )

        assert found.sentinels == [("one", 26379), ("::1", 5000)]
        assert found.service == "jobs"
        expected = {"username": "me", "password": "pa@ss", "db": 3, "socket_timeout": 2.5, "ssl": True}
        assert found.server_options.items() >= expected.items()
        assert "sentinel_password" not in found.server_options
        assert found.sentinel_options["password"] == "other"
        assert (found.sentinel_options["socket_timeout"], found.sentinel_options["ssl"]) == (2.5, True)
        assert "db" not in found.sentinel_options
        assert "username" not in found.sentinel_options

    @pytest.mark.parametrize("url", ["sentinel:///jobs", "sentinel://host", "sentinel://host/", "sentinel://a,/jobs"])
    def test_url_is_rejected_when_it_is_incomplete(self, url: str) -> None:
        with pytest.raises(ValueError, match="Sentinel URL"):
            StreamsBroker(url=url)


class TestCluster:
    @pytest.fixture
    def nodes(self, ports: list[int]) -> Iterator[redis.RedisCluster]:
        with redis.RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", port) for port in ports]) as client:
            yield client

    def test_cluster_runs_all_operations_on_each_node(self, nodes: redis.RedisCluster) -> None:
        owners = set()
        for queue in ("a", "b", "c", "d", "e", "f"):
            broker = StreamsBroker(client=nodes, lease_ms=60_000, namespace=f"life-{queue}")
            owners.add(nodes.get_node_from_key(broker.keys(queue).tag).port)
            run_all_operations(broker, nodes, queue)
        assert len(owners) == 3

    def test_keys_of_a_queue_are_in_one_slot(self, nodes: redis.RedisCluster) -> None:
        # Given a queue with data under each of its keys
        broker = StreamsBroker(client=nodes, namespace="slots")
        broker.declare_queue("default")
        for lane in Lane:
            for delay in (None, 60_000):
                broker.enqueue(message(), lane=lane, delay=delay)
            taken = take(broker, prefetch=10)
            broker.consume("default").requeue([taken])
        broker.enqueue(message("rejected"))
        broker.consume("default").nack(take(broker, prefetch=10))
        expire(broker)
        broker.maintain("default")

        # Then one node has all keys, in one slot
        keys = [key for node in nodes.get_primaries() for key in nodes.keys("*{slots:default}*", target_nodes=node)]
        assert {nodes.keyslot(key) for key in keys} == {nodes.keyslot(broker.keys("default").tag)}
        names = {key.decode().removeprefix("{slots:default}:") for key in keys}
        assert names >= {"stream", "stream.batch", "redelivered", "delayed", "delayed.entries", "delayed.batch", "dead"}

    def test_broker_follows_a_slot_that_moved(self, nodes: redis.RedisCluster, ports: list[int]) -> None:
        # Given a client that knows the node of the queue
        broker = StreamsBroker(client=nodes, namespace="moves")
        broker.declare_queue("default")
        broker.enqueue(message("before"))
        slot, owner = nodes.keyslot(broker.keys("default").tag), nodes.get_node_from_key(broker.keys("default").tag)
        successor = next(port for port in ports if port != owner.port)

        # When its slot is moved to another node, entry by entry
        with redis.Redis(port=owner.port) as source, redis.Redis(port=successor) as target:
            ids = [
                source.execute_command("CLUSTER", "MYID").decode(),
                target.execute_command("CLUSTER", "MYID").decode(),
            ]
            target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
            source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
            for key in source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                source.execute_command("MIGRATE", "127.0.0.1", successor, key, 0, 5_000)
            for node in (target, source):
                node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])

        # Then the broker works as before
        broker.enqueue(message("after"))
        assert [take(broker, prefetch=held).args for held in (1, 2)] == [("before",), ("after",)]

    async def test_asyncio_producer_accepts_a_cluster_client(self, nodes: redis.RedisCluster, ports: list[int]) -> None:
        client = redis.asyncio.RedisCluster(host="127.0.0.1", port=ports[0])
        producer = AsyncProducer(client, namespace="async")
        await producer.enqueue(message("plain"))
        await producer.enqueue(message("script"), max_backlog=5)
        await producer.close()

        broker = StreamsBroker(client=nodes, namespace="async")
        broker.declare_queue("default")
        assert [take(broker, prefetch=held).args for held in (1, 2)] == [("plain",), ("script",)]

    async def test_command_is_not_sent_again_when_its_reply_is_lost(self) -> None:
        with contextlib.ExitStack() as stack:
            # Given nodes that announce the addresses of proxies, so that redirections lead to the proxies
            ports = stack.enter_context(cluster())
            proxies = {port: stack.enter_context(FaultProxy(port)) for port in ports}
            announce_proxies(proxies)
            known = next(iter(proxies.values())).port
            client = stack.enter_context(redis.RedisCluster(host="127.0.0.1", port=known))
            broker = StreamsBroker(client=client, namespace="lossy")
            producer = AsyncProducer(redis.asyncio.RedisCluster(host="127.0.0.1", port=known), namespace="lossy")
            keys = broker.keys("default")
            owner, proxy = next(
                (stack.enter_context(redis.Redis(port=port)), proxy)
                for port, proxy in proxies.items()
                if proxy.port == client.get_node_from_key(keys.tag).port
            )
            broker.enqueue(message())
            await producer.enqueue(message())

            # When a reply is lost, then the error is raised and the message exists once
            proxy.lose_replies = 1
            with pytest.raises(BrokerUnavailable):
                broker.enqueue(message())
            assert owner.xlen(keys.stream) == 3
            proxy.lose_replies = 1
            with pytest.raises(BrokerUnavailable):
                await producer.enqueue(message())
            assert owner.xlen(keys.stream) == 4

            # And the next message is enqueued
            broker.enqueue(message())
            await producer.enqueue(message())
            assert owner.xlen(keys.stream) == 6
            await producer.close()
