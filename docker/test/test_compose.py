"""compose.yaml against the schema that `docker compose` itself embeds, and what no schema says."""

import json
import os

import jsonschema
import pytest
from repository import DOCKER, ROOT, load, module, run, stampmill

COMPOSE = load(DOCKER / "compose.yaml")
SERVICES = COMPOSE["services"]


def validator():
    schema = json.loads((module("github.com/compose-spec/compose-go/v2", "v2.16.2") / "schema/compose-spec.json").read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def test_it_is_a_compose_file():
    assert [error.message for error in validator().iter_errors(COMPOSE)] == []


def test_a_key_that_is_not_known_is_refused():
    for place in (COMPOSE, SERVICES["kafka"], SERVICES["kafka"]["healthcheck"]):
        place["helthcheck"] = 1
        assert not validator().is_valid(COMPOSE)
        del place["helthcheck"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name):
    service = SERVICES[name]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), f"{port} is open to the network"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (DOCKER / source).exists(), source
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
    # `topics` ends; all others go on, and say how they are.
    assert ("healthcheck" in service) == (name != "topics")
    assert service.get("image", "").split(":")[-1] != "latest"


def test_stampmill_is_confined():
    service = SERVICES["stampmill"]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and int(service["user"].split(":")[0]) > 0
    assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def layers():
    """The files of the command, where the mounts have them."""
    mounts = dict(reversed(mount.split(":")[:2]) for mount in SERVICES["stampmill"]["volumes"])
    for word in SERVICES["stampmill"]["command"]:
        for inside, source in mounts.items():
            if word.startswith(inside + "/"):
                yield str(DOCKER / source) + word.removeprefix(inside)


def environment():
    return {"PATH": os.environ["PATH"]} | SERVICES["stampmill"]["environment"]


def arguments():
    return [part for file in layers() for part in ("--config", file)]


def test_the_configuration_is_valid():
    assert len(list(layers())) == 2
    run(stampmill(), "check", *arguments(), env=environment())
    shown = run(stampmill(), "config", "show", *arguments(), env=environment())
    assert "bootstrap.servers: kafka:19092" in shown
    assert (DOCKER / "compose/stampmill/admin-token").read_text().strip() not in shown


def test_the_broker_is_that_of_the_tutorial():
    assert SERVICES["kafka"]["image"] == "apache/kafka:3.7.2" == SERVICES["topics"]["image"]
    assert f'docker run --rm --name kafka -p 9092:9092 {SERVICES["kafka"]["image"]}' in (ROOT / "README.md").read_text()
