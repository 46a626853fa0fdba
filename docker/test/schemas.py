"""Strict JSON Schemas of the kinds that are no part of Kubernetes, from the definitions that their projects publish."""

import json

import jsonschema
import kubernetes_validate
from repository import load, module

KEDA = ("github.com/kedacore/keda/v2", "v2.21.0")
OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "v0.85.0")
DEFINITIONS = {
    "ScaledObject": (KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "TriggerAuthentication": (KEDA, "config/crd/bases/keda.sh_triggerauthentications.yaml"),
    "ServiceMonitor": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
    "PrometheusRule": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"),
}
# The oldest in which `unhealthyPodEvictionPolicy` is settled, and the newest whose schemas there are.
KUBERNETES = ["1.31", "1.37"]


def strict(schema):
    """An API server drops what a schema does not list; here it is an error."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    schema = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes")}
    if "properties" in schema:
        schema["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        schema.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = strict(schema[key])
    return schema


def definition(kind, version):
    source, path = DEFINITIONS[kind]
    (served,) = [each for each in load(module(*source) / path)["spec"]["versions"] if each["name"] == version]
    schema = strict(served["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def validate(found, kubernetes):
    """Raises `jsonschema.ValidationError`, or what is derived from it."""
    kind, version = found["kind"], found["apiVersion"].split("/")[-1]
    if kind in DEFINITIONS:
        jsonschema.Draft7Validator(definition(kind, version)).validate(found)
    else:
        kubernetes_validate.validate(found, kubernetes, strict=True)


def scaler(kind):
    """The parameters of one of KEDA's triggers."""
    published = json.loads((module(*KEDA) / "schema/generated/scalers-schema.json").read_text())
    (found,) = [each for each in published["scalers"] if each["type"] == kind]
    return {parameter["name"]: parameter for parameter in found["parameters"]}
