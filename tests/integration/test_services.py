"""The services that other tests rely on."""

from __future__ import annotations

import kombu
import psycopg2
import redis


def test_postgres_database_is_empty_and_accepts_writes(postgres_url: str) -> None:
    connection = psycopg2.connect(postgres_url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1); SELECT count(*) FROM t")
        assert cursor.fetchone() == (1,)
    connection.close()


def test_redis_is_empty_and_accepts_writes(any_redis_url: str) -> None:
    with redis.Redis.from_url(any_redis_url, decode_responses=True) as client:
        assert client.keys() == []
        client.set("key", "value")
        assert client.get("key") == "value"


def test_rabbitmq_delivers_a_message(rabbitmq_url: str) -> None:
    with kombu.Connection(rabbitmq_url) as connection, connection.SimpleQueue("orders") as queue:
        queue.put({"n": 1})
        message = queue.get(timeout=10)
        message.ack()
        assert message.payload == {"n": 1}
