"""compose.yaml put to work: its broker, its commands, the program, and every query of the dashboard and the alerts."""

import itertools
import re
import subprocess
import threading

import pytest
import test_compose
from repository import DOCKER, DOCS, alerts, catalogue, kustomized, load, only, panel_queries
from stack import Kafka, Prometheus, Stampmill, eventually
from test_compose import SERVICES
from test_kubernetes import lay_out, workload

SERVER = "STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS"
EVENT = '{ "id":"TXN011", "type":"withdraw", "accountId":"ACC456", "amount":1500 }'
COMPACT = '{"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}'
AUDITED = f'{{"eventType": "transaction", "source": "bank-transactions", "data": {COMPACT}}}'


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.process.stop()


@pytest.fixture(scope="module")
def topics(kafka):
    """The service `topics`, twice: the second time finds them there."""
    make_topics(kafka)
    make_topics(kafka)
    return kafka


def make_topics(kafka, partitions=1):
    service = SERVICES["topics"]
    assert service["entrypoint"] == ["/bin/sh", "-ec"]
    kafka.sh(service["command"][0].replace("--partitions 1", f"--partitions {partitions}"))


def commands_of_the_docs():
    """Those of compose.md that go to Kafka, without Docker around them."""
    page = (DOCS / "compose.md").read_text()
    return [re.sub(r"docker compose -f docker/compose.yaml exec (-T )?kafka ", "", line) for line in re.findall(r"^.*exec .*kafka /opt/kafka/bin.*$", page, re.M)]


def test_the_tutorial_word_for_word(topics, tmp_path):
    inside = topics.here(SERVICES["stampmill"]["environment"][SERVER])
    listen = load(DOCKER / "compose/stampmill/stampmill.yaml")["admin"]["listen"]
    program = Stampmill(tmp_path, "stampmill", test_compose.arguments(), {"admin.listen": listen}, test_compose.environment() | {SERVER: inside})
    program.await_healthy()
    the_page_is_there(program)
    send, read = commands_of_the_docs()
    assert EVENT in send
    topics.sh(send)
    assert topics.sh(read).strip() == AUDITED
    assert AUDITED in (DOCS / "compose.md").read_text()
    assert program.has_said(f"Kafka event received, data = {COMPACT}")

    prometheus = Prometheus(tmp_path, f"127.0.0.1:{program.probes}")
    with Load(topics):
        every_query_has_data(prometheus)
        only_the_dead_letters_are_alerted(prometheus)
    assert program.stop() == 0
    eventually("StampmillDown to be pending", lambda: "StampmillDown" in prometheus.active())
    prometheus.stop()


def the_page_is_there(program):
    token = (DOCKER / "compose/stampmill/admin-token").read_text().strip()
    for host in ("localhost", "127.0.0.1"):
        assert program.page("/", host) == 200
        assert program.page("/api/pipelines", host) == 401
        assert program.page("/api/pipelines", host, token) == 200


class Load:
    """Records as long as it lasts, one in fifty of them no JSON."""

    def __init__(self, kafka):
        self.is_over = threading.Event()
        tool = kafka.here("/opt/kafka/bin/kafka-console-producer.sh")
        command = [tool, "--bootstrap-server", kafka.here("localhost:9092"), "--topic", "bank-transactions"]
        with (kafka.folder / "producer.log").open("wb") as log:
            self.producer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.thread = threading.Thread(target=self.produce)

    def produce(self):
        for number in itertools.count():
            line = f'{{"id":"TXN{number}","amount":1.10}}' if number % 50 else '{"id":'
            self.producer.stdin.write(line.encode() + b"\n")
            if number % 50 == 0:
                self.producer.stdin.flush()
                if self.is_over.wait(0.1):
                    return self.producer.stdin.close()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        assert self.producer.wait(60) == 0


def every_query_has_data(prometheus):
    missing = dict(enumerate(panel_queries()))
    assert len(missing) > 30

    def look():
        for key, (_, query) in list(missing.items()):
            if prometheus.values(query):
                del missing[key]
        return not missing

    try:
        eventually("data in each panel", look)
    except AssertionError as error:
        raise AssertionError(f"no data: {missing}") from error
    # A selector that finds nothing would keep an alert silent for ever.
    for rule in alerts():
        prometheus.ask("query", query=rule["expr"])
        for selector in re.findall(r"\b(?:stampmill_\w+|up)\b(?:{.*?})?", rule["expr"]):
            # The tutorial has no table. A test of the program holds the page of metrics to what there is.
            of_table = selector.startswith("stampmill_table_") and selector in catalogue()
            assert of_table or prometheus.values(selector), selector


def only_the_dead_letters_are_alerted(prometheus):
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(alerts())
    eventually("every rule to be evaluated", lambda: all(rule["health"] == "ok" for rule in each_rule(prometheus)))
    eventually("the dead letters alone to be alerted", lambda: prometheus.active() == {"StampmillDeadLetters"})


def each_rule(prometheus):
    return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]


def test_a_pod_keeps_its_place_by_its_name(tmp_path):
    """The StatefulSet's configuration with its secrets and its memory, as the pod has them, over TLS and SCRAM."""
    password = "of-this-run-alone"
    kafka = Kafka(tmp_path / "kafka", ("stampmill", password))
    # As many as the ScaledObject is for: the memory must do if one pod has them all.
    make_topics(kafka, only(kustomized("deployment"), "ScaledObject")["spec"]["maxReplicaCount"])
    volume = lay_out("statefulset", tmp_path / "etc")
    for name, content in {"ca.crt": (kafka.folder / "ca.crt").read_text(), "password": password}.items():
        (volume / "secrets" / name).write_text(content)
    (container,) = workload("statefulset")["spec"]["template"]["spec"]["containers"]
    assert container["env"][0]["name"] == "POD_NAME"
    limit = container["resources"]["limits"]["memory"]
    settings = {
        "connections.kafka.bootstrap.servers": kafka.here("localhost:9094"),
        "memory": f"{int(limit.removesuffix('Mi')) * 60 // 100}MiB",
    }
    program = Stampmill(tmp_path, "pod", ["--config", volume], settings, {"POD_NAME": "stampmill-1"})
    program.await_healthy()
    describe = "/opt/kafka/bin/kafka-consumer-groups.sh --bootstrap-server localhost:9092 --describe --group bank-audit --members"
    members = kafka.sh(describe)
    assert re.search(r"^bank-audit\s.*\bstampmill-1-", members, re.M), members
    assert program.stop() == 0
    assert password not in program.text()
    kafka.process.stop()
