"""What `kubectl apply -k` would send: against the schemas of its kinds, and what no schema says."""

import base64
import copy
import os
import re
import shutil
import textwrap
from pathlib import Path

import jsonschema
import pytest
import yaml
from repository import DOCKER, DOCS, kustomized, only, run, stampmill
from schemas import DEFINITIONS, KUBERNETES, scaler, validate

OVERLAYS = {"deployment": "Deployment", "statefulset": "StatefulSet"}
BOTH = pytest.mark.parametrize("overlay", OVERLAYS)


def workload(overlay):
    return only(kustomized(overlay), OVERLAYS[overlay])


@BOTH
@pytest.mark.parametrize("version", KUBERNETES)
def test_each_object_is_what_its_kind_takes(overlay, version):
    for found in kustomized(overlay):
        validate(found, version)


def test_a_key_that_is_not_known_is_refused():
    kinds = {"Deployment", "PodDisruptionBudget", "NetworkPolicy", *DEFINITIONS}
    for found in kustomized("deployment"):
        if found["kind"] in kinds:
            kinds.remove(found["kind"])
            wrong = copy.deepcopy(found)
            wrong["spec"]["replica"] = 2
            with pytest.raises(jsonschema.ValidationError):
                validate(wrong, KUBERNETES[-1])
    assert not kinds


def test_kinds_are_as_they_should_be():
    kinds = {overlay: {found["kind"] for found in kustomized(overlay)} for overlay in OVERLAYS}
    assert kinds["deployment"] - kinds["statefulset"] == {"Deployment", "ScaledObject", "TriggerAuthentication"}
    assert kinds["statefulset"] - kinds["deployment"] == {"StatefulSet"}
    # KEDA says how many; where it does not, the manifest does.
    assert "replicas" not in workload("deployment")["spec"] and workload("statefulset")["spec"]["replicas"] == 3


@BOTH
def test_selectors_find_the_pods(overlay):
    objects, spec = kustomized(overlay), workload(overlay)["spec"]
    labels = spec["template"]["metadata"]["labels"]
    selectors = [spec["selector"]["matchLabels"], only(objects, "Service")["spec"]["selector"]]
    selectors += [only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    selectors += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)
    monitor, service = only(objects, "ServiceMonitor")["spec"], only(objects, "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    # The job's name comes from this label of the service.
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "stampmill"
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}


@BOTH
def test_the_pod_is_confined(overlay):
    """As the level `restricted` of Kubernetes' pod security standards has it, which the namespace enforces."""
    pod = workload(overlay)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    context = container["securityContext"]
    assert context == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert only(kustomized(overlay), "PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def lay_out(overlay, folder):
    """The projected volume, with the links by which the kubelet changes it at once."""
    objects, pod = kustomized(overlay), workload(overlay)["spec"]["template"]["spec"]
    (volume,) = pod["volumes"]
    files = {}
    for source in volume["projected"]["sources"]:
        (kind, named), = source.items()
        held = only(objects, {"configMap": "ConfigMap", "secret": "Secret"}[kind], named["name"])["data"]
        items = named.get("items") or [{"key": key, "path": key} for key in held]
        files |= {item["path"]: base64.b64decode(held[item["key"]]) if kind == "secret" else held[item["key"]].encode() for item in items}
    for path, content in files.items():
        file = folder / "..2026_11_27_12_00_00.1" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (folder / "..data").symlink_to("..2026_11_27_12_00_00.1")
    for top in {Path(path).parts[0] for path in files}:
        (folder / top).symlink_to(f"..data/{top}")
    return folder


def shown(overlay, folder, pod_name):
    """The configuration in force in a pod of that name."""
    environment = {"PATH": os.environ["PATH"], "POD_NAME": pod_name}
    config = ["--config", lay_out(overlay, folder)]
    run(stampmill(), "check", *config, env=environment)
    return run(stampmill(), "config", "show", *config, env=environment)


@BOTH
def test_the_configuration_is_valid(overlay, tmp_path):
    text = shown(overlay, tmp_path, "stampmill-1")
    (container,) = workload(overlay)["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["run", "--config"] and container["volumeMounts"][0]["mountPath"] == container["args"][2]
    assert "put-your-own-here" not in text, "a secret is shown"
    assert ("group.instance.id: stampmill-1" in text) == (overlay == "statefulset")
    # The drain has an end before Kubernetes makes one.
    grace = workload(overlay)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    for pipeline in yaml.safe_load(text)["pipelines"].values():
        assert pipeline["drain_timeout_ms"] / 1000 < grace
    # The listener that the probes ask.
    assert yaml.safe_load(text)["probes"]["listen"].endswith(f':{container["ports"][0]["containerPort"]}')


@BOTH
def test_the_example_puts_your_own_in_place(overlay, tmp_path):
    """As docs/src/kubernetes.md has it: a copy of the example, on either overlay."""
    shutil.copytree(DOCKER, tmp_path / "docker")
    mill = tmp_path / "docker/kubernetes/example"
    page = (DOCS / "kubernetes.md").read_text()
    shown = re.search(r"```yaml,from=docker/kubernetes/example/kustomization.yaml\n(.*?)```", page, re.S)[1]
    assert textwrap.dedent(shown).strip() == (mill / "kustomization.yaml").read_text().strip()
    (mill / "kustomization.yaml").write_text((mill / "kustomization.yaml").read_text().replace("../deployment", f"../{overlay}"))
    (mill / "stampmill.yaml").write_text((mill.parent / "base/stampmill.yaml").read_text().replace("topic: bank-audit", "topic: mine"))
    (mill / "secrets").mkdir()
    for name in ("username", "password", "ca.crt", "admin-token"):
        (mill / "secrets" / name).write_text(f"my {name}")
    objects = kustomized(mill)
    for found in objects:
        validate(found, KUBERNETES[-1])
    (secret,) = [found for found in objects if found["kind"] == "Secret"]
    assert {base64.b64decode(value).decode() for value in secret["data"].values()} == {"my username", "my password", "my ca.crt", "my admin-token"}
    held = [found["data"] for found in objects if found["kind"] == "ConfigMap" and "stampmill.yaml" in found["data"]]
    assert len(held) == 1 and "topic: mine" in held[0]["stampmill.yaml"]
    # What makes members static is still there.
    assert ("static-members.yaml" in held[0]) == (overlay == "statefulset")
    (container,) = only(objects, OVERLAYS[overlay])["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.org/stampmill:0.1.0"


def test_keda_asks_for_what_the_pipeline_reads(tmp_path):
    objects = kustomized("deployment")
    scaled, config = only(objects, "ScaledObject")["spec"], yaml.safe_load(shown("deployment", tmp_path, "stampmill-1"))
    (trigger,) = scaled["triggers"]
    metadata, known = trigger["metadata"], scaler(trigger["type"])
    for name, value in metadata.items():
        assert known[name].get("metadataVariableReadable"), name
        assert value in known[name].get("allowedValue", [value]), f"{name}: {value}"
    source = config["pipelines"]["bank-audit"]["source"]
    assert (metadata["consumerGroup"], [metadata["topic"]]) == (source["group"], source["topics"])
    assert metadata["bootstrapServers"] == config["connections"]["kafka"]["bootstrap.servers"]
    assert metadata["allowIdleConsumers"] == "false"
    # It names what there is.
    assert scaled["scaleTargetRef"]["name"] == workload("deployment")["metadata"]["name"]
    authentication = only(objects, "TriggerAuthentication", trigger["authenticationRef"]["name"])
    secret = only(objects, "Secret")
    for reference in authentication["spec"]["secretTargetRef"]:
        assert reference["name"] == secret["metadata"]["name"] and reference["key"] in secret["data"]
        assert known[reference["parameter"]]
