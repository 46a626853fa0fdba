"""compose.yaml as Compose's own library reads it, and what no schema says."""

import os

import pytest
import yaml
from repository import DOCKER, ROOT, load, run, stampmill

LOADER = DOCKER / "test/compose-loader"


def composed(file):
    """All of it, as `docker compose config` prints it."""
    return yaml.safe_load(run("go", "run", ".", file, cwd=LOADER))


SERVICES = composed(DOCKER / "compose.yaml")["services"]
HERE = ["kafka", "topics", "stampmill", "prometheus", "grafana"]


@pytest.mark.parametrize("place", [[], ["services", "kafka"], ["services", "kafka", "healthcheck"], ["services", "topics", "depends_on"]])
def test_what_is_not_known_is_refused(place, tmp_path):
    wrong = load(DOCKER / "compose.yaml")
    inner = wrong
    for key in place:
        inner = inner[key]
    inner["helthcheck"] = {"condition": "service_started"}
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(wrong))
    with pytest.raises(AssertionError, match="helthcheck"):
        composed(tmp_path / "compose.yaml")


def test_the_services_are_these():
    assert set(SERVICES) == set(HERE)


@pytest.mark.parametrize("name", HERE)
def test_what_a_service_names_is_there(name):
    service = SERVICES[name]
    assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), "a port is open to the network"
    for volume in service.get("volumes", []):
        assert volume["type"] == "volume" or (volume["read_only"] and os.path.exists(volume["source"]))
    assert "no-new-privileges:true" in service["security_opt"] or name == "stampmill"
    assert not service["image"].endswith(":latest") and ":" in service["image"]
    # `topics` ends. `up --wait` takes that for a failure, unless a service waits for just that.
    assert ("healthcheck" in service) == (name != "topics")
    wanted = "service_completed_successfully" if name == "topics" else "service_healthy"
    for other in SERVICES.values():
        assert other.get("depends_on", {}).get(name, {"condition": wanted})["condition"] == wanted
    assert name in ("grafana",) or any(name in other.get("depends_on", {}) for other in SERVICES.values())


def test_stampmill_is_confined():
    service = SERVICES["stampmill"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert os.path.isfile(os.path.join(service["build"]["context"], service["build"]["dockerfile"]))


def arguments():
    """The files of the command, where the mounts have them."""
    mounts = {mount["target"] + "/": mount["source"] + "/" for mount in SERVICES["stampmill"]["volumes"]}
    for word in SERVICES["stampmill"]["command"][1:]:
        for inside, source in mounts.items():
            word = word.replace(inside, source) if word.startswith(inside) else word
        yield word


def environment():
    return {"PATH": os.environ["PATH"]} | SERVICES["stampmill"]["environment"]


def test_the_configuration_is_valid():
    assert [word for word in arguments() if word.startswith("/etc")] == []
    run(stampmill(), "check", *arguments(), env=environment())
    shown = run(stampmill(), "config", "show", *arguments(), env=environment())
    assert "bootstrap.servers: kafka:19092" in shown
    assert (DOCKER / "compose/stampmill/admin-token").read_text().strip() not in shown
    # The drain has an end before Docker makes one.
    assert yaml.safe_load(shown)["pipelines"]["bank-audit"]["drain_timeout_ms"] < 1000 * seconds(SERVICES["stampmill"]["stop_grace_period"])


def seconds(text):
    assert text.endswith("s") and text[:-1].isdigit(), text
    return int(text[:-1])


def test_the_broker_is_that_of_the_tutorial():
    assert SERVICES["kafka"]["image"] == "apache/kafka:3.7.2" == SERVICES["topics"]["image"]
    assert f'docker run --rm --name kafka -p 9092:9092 {SERVICES["kafka"]["image"]}' in (ROOT / "README.md").read_text()
