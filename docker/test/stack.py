"""What compose.yaml describes, without a Docker engine: its Kafka from the jars of that version, the built program, Prometheus.

Every property, command and file is the one of compose.yaml; only addresses and paths are put in.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from repository import DOCKER, ROOT, TARGET, run, stampmill
from test_compose import SERVICES

PATIENCE = 180  # seconds; of which a machine that is not overloaded needs a few
JVM = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
# The classes behind Kafka's scripts, as bin/ of 3.7.2 has them.
SCRIPTS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-broker-api-versions.sh": "kafka.admin.BrokerApiVersionsCommand",
    "kafka-console-producer.sh": "kafka.tools.ConsoleProducer",
    "kafka-console-consumer.sh": "kafka.tools.ConsoleConsumer",
    "kafka-consumer-groups.sh": "kafka.admin.ConsumerGroupCommand",
}


def eventually(what, look, patience=PATIENCE):
    """What `look` returns, as soon as it is something."""
    end = time.monotonic() + patience
    while True:
        if found := look():
            return found
        assert time.monotonic() < end, f"waited {patience} s for {what}"
        time.sleep(0.1)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Process:
    """One that cannot outlive the tests, however those end."""

    def __init__(self, log, *command, **options):
        self.log = log
        with log.open("ab") as file:
            command = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
            self.child = subprocess.Popen(command, stdout=file, stderr=file, **options)

    def has_said(self, text):
        assert self.child.poll() is None, f"it has ended:\n{self.text()[-4000:]}"
        return text in self.text()

    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.child.terminate()
        return self.child.wait(PATIENCE)


class Kafka:
    """The service `kafka`, from the jars of its version; with a user's name and password also with a listener of SASL_SSL."""

    def __init__(self, folder, user=None):
        self.folder = folder
        service = SERVICES["kafka"]
        self.jars = jars(service["image"].split(":")[1])
        self.environment = dict(service["environment"])
        self.user = user
        if user:
            self.environment["KAFKA_LISTENERS"] += ",SECURE://:9094"
            self.environment["KAFKA_ADVERTISED_LISTENERS"] += ",SECURE://localhost:9094"
            self.environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"] += ",SECURE:SASL_SSL"
        ports = sorted(set(re.findall(r":(\d{4,5})\b", " ".join(self.environment.values()))))
        self.ports = {port: free_port() for port in ports}
        self.start(service["healthcheck"]["test"])

    def here(self, text):
        """With the addresses of this run in the place of the container's."""
        # What is put in is marked with `@` until the end, for it may be another's port.
        for port, ours in self.ports.items():
            text = re.sub(rf"(\b(kafka|localhost))?:{port}\b", f"127.0.0.1:@{ours}", text)
        return text.replace("/opt/kafka/bin", str(self.folder / "bin")).replace(":@", ":")

    def properties(self):
        """As the image makes them of variables: `KAFKA_LOG_DIRS` is `log.dirs`."""
        named = {name[6:].lower().replace("_", "."): value for name, value in self.environment.items() if name.startswith("KAFKA_")}
        named["log.dirs"] = str(self.folder / "data")
        properties = "".join(f"{name}={self.here(value)}\n" for name, value in named.items())
        return properties + (self.secure() if self.user else "")

    def secure(self):
        """A key that is good for a test, whose certificate goes to `ca.crt`."""
        store = ["-keystore", self.folder / "key.p12", "-storepass", "for-a-test"]
        name = ["-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1"]
        run("keytool", "-genkeypair", "-alias", "broker", "-keyalg", "EC", "-storetype", "PKCS12", *name, *store)
        run("keytool", "-exportcert", "-rfc", "-alias", "broker", "-file", self.folder / "ca.crt", *store)
        return f"""sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location={self.folder / "key.p12"}
ssl.keystore.password=for-a-test
"""

    def start(self, healthcheck):
        (self.folder / "bin").mkdir(parents=True)
        for script, name in SCRIPTS.items():
            file = self.folder / "bin" / script
            file.write_text(f'#!/bin/sh\nexec {shlex.join(["java", *JVM, "-cp", self.jars, name])} "$@"\n')
            file.chmod(0o755)
        properties = self.folder / "server.properties"
        properties.write_text(self.properties())
        java = ["java", *JVM, "-cp", self.jars]
        scram = ["--add-scram", "SCRAM-SHA-512=[name={},password={}]".format(*self.user)] if self.user else []
        run(*java, "kafka.tools.StorageTool", "format", "-t", self.environment["CLUSTER_ID"], "-c", properties, *scram)
        self.process = Process(self.folder / "kafka.log", *java, "kafka.Kafka", properties)
        command = [self.here(word) for word in healthcheck[1:]]
        assert healthcheck[0] == "CMD"
        eventually("the health command of kafka", lambda: self.process.has_said("") and succeeds(command))

    def sh(self, script):
        """What a script of compose.yaml or of the docs prints, here."""
        return run("sh", "-ec", self.here(script))


def succeeds(command):
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def jars(version):
    """The class path of that version; the folder is the one that the integration tests fetch it into."""
    folder = TARGET / "kafka" / f"{version}-with-tools"
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
        pom = ROOT / "integration-tests/kafka/pom.xml"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={part}"]
        fetched = subprocess.run(["mvn", "-q", "-B", "-f", pom, f"-Dkafka.version={version}", *goal], capture_output=True, text=True)
        assert fetched.returncode == 0, fetched.stdout
        part.rename(folder)
    return f"{folder}/*"


class Stampmill(Process):
    """The program with a configuration, and what is different here set by flags."""

    def __init__(self, folder, name, config, settings, environment=None):
        self.probes, self.admin = free_port(), free_port()
        settings = {key: value.replace(":9600", f":{self.admin}") for key, value in settings.items()}
        settings = {"admin.listen": f"127.0.0.1:{self.admin}"} | settings | {"probes.listen": f"127.0.0.1:{self.probes}"}
        flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        environment = {"PATH": os.environ["PATH"]} | (environment or {})
        super().__init__(folder / f"{name}.log", stampmill(), "run", *config, *flags, env=environment)

    def await_healthy(self):
        command = [stampmill(), "healthcheck", "--url", f"http://127.0.0.1:{self.probes}/readyz"]
        eventually("stampmill healthcheck", lambda: self.has_said("") and succeeds(command))

    def page(self, path, host, token=None):
        """The status with which the admin listener answers."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://{host}:{self.admin}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


class Prometheus(Process):
    """With the files of compose.yaml, but every second."""

    def __init__(self, folder, target):
        self.port = free_port()
        config = (DOCKER / "compose/prometheus.yaml").read_text()
        (folder / "alerts.yaml").write_text((DOCKER / "monitoring/alerts.yaml").read_text())
        (folder / "prometheus.yaml").write_text(config.replace("stampmill:9601", target).replace("interval: 5s", "interval: 1s"))
        flags = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'prometheus'}"]
        super().__init__(folder / "prometheus.log", "prometheus", *flags, f"--web.listen-address=127.0.0.1:{self.port}")
        eventually("prometheus", lambda: self.has_said("Server is ready to receive web requests"))

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def values(self, query):
        """The numbers that a query comes to; a quantile of nothing is none."""
        found = [float(series["value"][1]) for series in self.ask("query", query=query)["result"]]
        return [value for value in found if value == value]

    def active(self):
        """Alerts that fire, or will if it stays as it is."""
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"]}
