"""Prints a SAM template as the CloudFormation template that AWS would deploy, as JSON.

    .tools/bin/python infra/local/transform.py template.yaml

The transform is AWS's own (aws-sam-translator). Checks read its result because the source hides what is deployed.
"""

import json
import os
import sys

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """Stands for IAM, which the transform asks for the managed policies that a template names. Ours names none."""

    def list_policies(self, **_):
        return {"Policies": []}

    def get_paginator(self, _operation):
        return self

    def paginate(self, **_):
        return [{"Policies": []}]


def main(path):
    # The transform wants a region for names that differ between partitions; the result holds none.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        # Packaging replaces a folder by where its code was uploaded; the transform accepts nothing else.
        if resource["Type"] == "AWS::Serverless::Function" and not isinstance(properties.get("CodeUri"), dict):
            properties["CodeUri"] = f"s3://artifacts/{properties['CodeUri']}"
    json.dump(transform(template, {}, ManagedPolicyLoader(NoManagedPolicies())), sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
