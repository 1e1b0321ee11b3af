"""The descriptions of real services: serves their own examples, and holds every request against them."""

import json
from pathlib import Path
from urllib.parse import parse_qsl

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.sms.faulty_server import Answered, FaultyServer, Seen

FOLDER = Path(__file__).parent / "descriptions"
HTTP = ("get", "put", "post")


class Described:
    """A service that answers the next named example of its description. prefix: the path before the API's."""

    def __init__(self, name: str, prefix: str = "") -> None:
        self.document = json.loads((FOLDER / f"{name}.json").read_text())
        self.document["servers"] = [{"url": f"https://service.example{prefix}"}]
        problem = {"application/problem+json": json.loads}
        self.api = OpenAPI.from_dict(self.document, config=Config(extra_media_type_deserializers=problem))
        self.prefix = prefix
        self.examples: dict[str, str] = {}  # path -> name of the example to answer with
        self.unknown_names: list[str] = []
        self.server = FaultyServer(self._answer)
        self.url = self.server.url + prefix

    def _answer(self, seen: Seen) -> Answered:
        path, _, query = seen.path.partition("?")
        request = MockRequest(
            "https://service.example",
            seen.method.lower(),
            path,
            args=dict(parse_qsl(query)),
            headers=seen.headers,
            data=seen.body or None,
            content_type=seen.headers.get("content-type", "application/json"),
        )
        found = self.api.unmarshal_request(request)
        if found.errors:
            raise AssertionError(found.errors)
        template, operation = self._operation(seen.method.lower(), path.removeprefix(self.prefix))
        self._compare_names(operation, seen, query)
        status, example = self._example(operation, self.examples.get(template, "success"))
        answer = Answered(status, json.dumps(self._filled(example, seen)).encode())
        self.api.validate_response(request, MockResponse(answer.body, answer.status, content_type="application/json"))
        return answer

    def _operation(self, method: str, path: str) -> tuple[str, dict]:
        for template, operations in self.document["paths"].items():
            parts, wanted = path.split("/"), template.split("/")
            if len(parts) == len(wanted) and all(
                w.startswith("{") or w == p for p, w in zip(parts, wanted, strict=True)
            ):
                return template, operations[method]
        raise AssertionError(path)

    def _compare_names(self, operation: dict, seen: Seen, query: str) -> None:
        """openapi-core passes over form fields and query names that it does not know."""
        known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        known |= {"api_key", "api_secret"} if operation.get("operationId") == "getAccountBalance" else set()
        self.unknown_names += [name for name in dict(parse_qsl(query)) if name not in known]
        if "urlencoded" in seen.headers.get("content-type", ""):
            schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
            fields = self._resolved(schema)["properties"]
            self.unknown_names += [name for name in dict(parse_qsl(seen.body.decode())) if name not in fields]

    def _resolved(self, node: dict) -> dict:
        while "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _example(self, operation: dict, name: str) -> tuple[int, dict]:
        for status, response in operation["responses"].items():
            for media in self._resolved(response).get("content", {}).values():
                if name in media.get("examples", {}):
                    return int(status), media["examples"][name]["value"]
        raise AssertionError(name)

    def _filled(self, example: dict, seen: Seen) -> dict:
        """The example with the request's own references in it, in order, as the service would give them back."""
        if "json" not in seen.headers.get("content-type", "") or not seen.body:
            return example
        body = json.loads(seen.body)
        entries = body["messages"] if isinstance(body, dict) and "messages" in body else body
        text = json.dumps(example)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            ref = entry.get("userSuppliedId") or entry.get("custom_string") or ""
            text = text.replace(f'"crm-{1042 + index}"', json.dumps(ref))
        filled = json.loads(text)
        messages = filled if isinstance(filled, list) else (filled.get("data") or {}).get("messages", [])
        for entry, message in zip(entries if isinstance(entries, list) else [], messages, strict=False):
            name = "userSuppliedId" if isinstance(filled, list) else "custom_string"
            if name in message and isinstance(entry, dict):
                message[name] = entry.get(name, message[name])
        return filled
