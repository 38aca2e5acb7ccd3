# SPDX-License-Identifier: Apache-2.0
"""Requests of every chat surface, made from its maker's own description.

A description is JSON Schema: OpenAI's OpenAPI file, and what the SDKs of AWS,
Anthropic and Google know of theirs. `additions` walks it and yields,
for each member and each of its values, two requests that differ in nothing
else: one with it and one without. What a gateway writes of the first must
differ from what it writes of the second, or the member was lost.
"""
import json
import subprocess

import pydantic
from pydantic.json_schema import GenerateJsonSchema

DEPTH = 13      # of a description: Responses' items lie that deep


class Schemas(GenerateJsonSchema):
    """Open files and the like are bytes as text."""

    def handle_invalid_for_json_schema(self, schema, error_info):
        return {"type": "string"}

    def emit_warning(self, kind, detail):
        pass


def of_openai(data, name):
    import yaml
    text = subprocess.run(
        ["zstd", "-dc", data / "api/openai-openapi.yaml.zst"],
        capture_output=True, check=True).stdout
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    whole = _OPENAI.get("whole") or yaml.load(text, Loader=loader)
    _OPENAI["whole"] = whole
    return whole["components"]["schemas"][name], whole


_OPENAI = {}


def of_anthropic():
    import anthropic.types.beta.message_create_params as params
    typed = pydantic.TypeAdapter(params.MessageCreateParamsNonStreaming)
    whole = typed.json_schema(schema_generator=Schemas)
    return whole, whole


def of_gemini():
    from google.genai import types
    of = {"contents": list[types.Content], "systemInstruction": types.Content,
          "tools": list[types.Tool], "toolConfig": types.ToolConfig,
          "safetySettings": list[types.SafetySetting],
          "generationConfig": types.GenerationConfig, "cachedContent": str,
          "labels": dict[str, str], "serviceTier": str, "store": bool}
    model = pydantic.create_model("Body", **{
        name: (kind, None) for name, kind in of.items()})
    whole = model.model_json_schema(by_alias=True, schema_generator=Schemas)
    return whole, whole


def of_bedrock():
    import botocore.session
    model = botocore.session.get_session().get_service_model(
        "bedrock-runtime")

    def schema(shape, depth=0):
        kind = shape.type_name
        if depth > DEPTH or getattr(shape, "is_document_type", False):
            return {"type": "object"}
        if kind == "structure":
            members = {name: schema(member, depth + 1)
                       for name, member in shape.members.items()
                       if "location" not in member.serialization}
            if shape.is_tagged_union:
                return {"anyOf": [
                    {"type": "object", "title": name,
                     "properties": {name: member}, "required": [name]}
                    for name, member in members.items()]}
            return {"type": "object", "properties": members,
                    "required": [name for name in shape.required_members
                                 if name in members]}
        if kind == "list":
            return {"type": "array", "items": schema(shape.member,
                                                     depth + 1)}
        if kind == "map":
            return {"type": "object",
                    "additionalProperties": schema(shape.value, depth + 1)}
        if getattr(shape, "enum", None):
            return {"type": "string", "enum": list(shape.enum)}
        return {"type": {"float": "number", "double": "number",
                         "long": "integer", "blob": "string"}.get(kind,
                                                                  kind)}

    whole = schema(model.operation_model("Converse").input_shape)
    return whole, whole


# ------------------------------------------------------------------ samples

BY_NAME = {
    "url": "https://pictures.example/a.png", "image_url":
    "https://pictures.example/a.png", "file_url":
    "https://pictures.example/a.pdf", "fileUri":
    "https://pictures.example/a.png", "data": "aGk=", "bytes": "aGk=",
    "file_data": "aGk=", "media_type": "image/png", "mimeType": "image/png",
    "arguments": "{\"place\":\"x\"}", "temperature": 0.5, "top_p": 0.5,
    "topP": 0.5, "budget_tokens": 2048, "thinkingBudget": 2048,
    "max_tokens": 5000, "maxTokens": 5000, "maxOutputTokens": 5000,
    "max_completion_tokens": 5000, "max_output_tokens": 5000, "n": 2,
    "candidateCount": 2, "schema": {"type": "object"}, "name": "weather",
    "input_schema": {"type": "object"}, "parameters": {"type": "object"},
    "parametersJsonSchema": {"type": "object"}, "thoughtSignature": "aGk=",
    "signature": "aGk=", "frequency_penalty": 0.5, "presence_penalty": 0.5,
    "redactedContent": "aGk=", "responseJsonSchema": {"type": "object"},
    "logit_bias": {"50256": 1}, "args": {"place": "x"},
    "response": {"output": "rain"}, "input": {"place": "x"}}

DOTTED = ("url", "schema", "input", "name", "data")


def scalar(spec, name):
    kind = spec.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if name in BY_NAME and kind in (None, type_of(BY_NAME[name])):
        return BY_NAME[name]
    if kind == "integer":
        return max(3, int(spec.get("minimum", 3)))
    if kind == "number":
        return 0.5
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return "x" + (name or "text")


def other_than(text):
    """Another value of a member that must be there."""
    if not isinstance(text, str):
        return text
    if text.startswith("http"):
        return text.replace("/a.", "/b.")
    if text == "aGk=":
        return "aGh1"
    if text.startswith(("{", "image/")):
        return text.replace("x", "y").replace("png", "jpeg")
    return text + "2"


def type_of(value):
    return {str: "string", dict: "object", bool: "boolean", int: "integer",
            float: "number"}[type(value)]


# -------------------------------------------------------------------- walker

class Walker:
    """`opaque`: names whose insides are the client's own (schemas,
    arguments). `only`: per kind of union, which branches are walked."""

    def __init__(self, whole, opaque=()):
        self.whole = whole
        self.opaque = set(opaque)

    def plain(self, spec):
        """Without references and parts of `allOf`."""
        while True:
            if spec is True or spec is None:
                return {"type": "object"}
            if "$ref" in spec:
                place = self.whole
                for word in spec["$ref"].split("/")[1:]:
                    place = place[word]
                spec = place
                continue
            if "$recursiveRef" in spec:
                return {"type": "object"}
            if "allOf" in spec:
                made = {key: value for key, value in spec.items()
                        if key != "allOf"}
                for part in spec["allOf"]:
                    part = self.plain(part)
                    made = {**part, **made, "properties": {
                        **part.get("properties", {}),
                        **made.get("properties", {})},
                        "required": [*part.get("required", []),
                                     *made.get("required", [])]}
                return made
            return spec

    def options(self, spec):
        """The branches of a union, flat; null left out."""
        spec = self.plain(spec)
        branches = spec.get("anyOf") or spec.get("oneOf")
        if not branches:
            kinds = spec.get("type")
            if isinstance(kinds, list):
                return [{**spec, "type": kind} for kind in kinds
                        if kind != "null"]
            return [spec]
        found = []
        for branch in branches:
            base = {key: value for key, value in spec.items()
                    if key in ("properties", "required")}
            branch = self.plain(branch)
            if base.get("properties"):
                branch = {**branch, "type": "object", "properties": {
                    **base["properties"], **branch.get("properties", {})},
                    "required": [*base.get("required", []),
                                 *branch.get("required", [])]}
            found += [one for one in self.options(branch)
                      if one.get("type") != "null"]
        return found or [{"type": "null"}]

    @staticmethod
    def values(spec):
        if "const" in spec:
            return [spec["const"]]
        return [value for value in spec.get("enum", []) if value is not None]

    def is_object(self, spec):
        return spec.get("type") == "object" or "properties" in spec

    def least(self, spec, name="", depth=0):
        """The smallest value that the description allows."""
        spec = self.options(spec)[0]
        if self.values(spec):
            return self.values(spec)[0]
        if self.is_object(spec):
            if name in self.opaque:
                return BY_NAME.get(name, {"place": "x"})
            if depth > DEPTH:
                return {}
            made = {one: self.least(spec["properties"][one], one, depth + 1)
                    for one in spec.get("required", [])
                    if one in spec.get("properties", {})}
            if not made and not spec.get("properties"):
                return BY_NAME.get(name) if isinstance(
                    BY_NAME.get(name), dict) else {"place": "x"}
            return made
        if spec.get("type") == "array":
            return [self.least(spec.get("items", {"type": "string"}), name,
                               depth + 1)]
        return scalar(spec, name)

    def title(self, option, number):
        """What tells a branch of a union: its tag, else its name."""
        for tag in ("type", "role", "mode"):
            spec = option.get("properties", {}).get(tag)
            values = self.values(self.plain(spec)) if spec else []
            if values:
                return str(values[0])
        return option.get("title") or option.get("type") or str(number)

    def additions(self, spec, name="", depth=0, seen=()):
        """(path, with, without); `without` None: without all of it. A branch
        of a union is a word of the path: |its title."""
        options = self.options(spec)
        if depth > DEPTH or name in self.opaque:
            return
        for number, option in enumerate(options):
            branch = [f"|{self.title(option, number)}"] \
                if len(options) > 1 else []
            if number and not self.values(option):
                yield branch, self.least(option, name, depth), None
            for path, more, less in self.inside(option, name, depth, seen):
                yield branch + path, more, less

    def inside(self, option, name, depth, seen):
        if self.values(option):
            for value in self.values(option):
                yield [f"={value}"], value, None
        elif option.get("type") == "boolean":
            yield ["=true"], True, None
            yield ["=false"], False, None
        elif option.get("type") == "array":
            for path, more, less in self.additions(
                    option.get("items", {"type": "string"}), name,
                    depth + 1, seen):
                yield ["[]"] + path, [more], None if less is None else [less]
        elif self.is_object(option):
            yield from self.members(option, name, depth, seen)

    def members(self, option, name, depth, seen):
        key = tuple(sorted(option.get("properties", {})))
        if key in seen:
            return
        here = self.least(option, name, depth)
        for one, sub in option.get("properties", {}).items():
            rest = {k: v for k, v in here.items() if k != one}
            first = self.options(sub)[0]
            is_needed = one in option.get("required", [])
            if is_needed and len(self.values(first)) == 1:
                continue    # the tag of a union
            if is_needed and first.get("type") == "string" and \
                    not self.values(first) and one not in self.opaque:
                yield [one], {**rest, one: other_than(here[one])}, here
            if one not in here and not self.values(first) and \
                    first.get("type") != "boolean":
                yield [one], {**rest, one: self.least(sub, one, depth + 1)}, \
                    here
            for path, more, less in self.additions(sub, one, depth + 1,
                                                   (*seen, key)):
                if less is not None:
                    without = {**rest, one: less}
                else:
                    without = here if is_needed else rest
                if {**rest, one: more} != without:
                    yield [one] + path, {**rest, one: more}, without
